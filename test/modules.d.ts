// What tests use of modules that are there for tests alone.
declare module '@seriousme/openapi-schema-validator' {
  export class Validator {
    version: string;
    validate(document: object): Promise<{ readonly valid: boolean; readonly errors?: unknown }>;
  }
}
