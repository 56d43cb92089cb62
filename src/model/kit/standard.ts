// The attributes that every standard-attribute resource has, and the tag filters of the taggable ones.
import { absent, type Fields } from './resource.ts';
import { t } from './types.ts';

export const identity = {
  id: { type: t.uuid, filter: true, sort: true },
  project_id: { type: t.str(255), post: true, filter: true, sort: true },
} as const satisfies Fields;

export const standard = {
  description: { type: t.str(255), post: true, put: true, default: '', filter: true },
  created_at: { type: t.time, nullable: true },
  updated_at: { type: t.time, nullable: true },
  revision_number: { type: t.int(0), filter: true },
} as const satisfies Fields;

export const tags = {
  tags: { type: t.any<readonly string[]>(), column: false },
} as const satisfies Fields;

/** Ports take tags on create. */
export const tagsOnCreate = {
  tags: { type: t.special<readonly string[]>('tags', 'json'), column: false, post: true, default: absent, policed: true },
} as const satisfies Fields;
