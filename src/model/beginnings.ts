// Names of rows in `beginnings`. The name of a row that an import has put there ends in the import's own id; it goes when all is written.
export const importPrefix = 'import:';
