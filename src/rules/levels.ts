/** Named sets of S3 actions. */
export const LEVELS = ['read', 'write', 'delete'] as const

export type Level = (typeof LEVELS)[number]
