/** What the server tells of a film: `core/lectures/films.py`. All times in seconds, those of the file unless said. */

/** From one second of the file to another, and the second of the lecture that it begins with. */
export type Span = readonly [start: number, end: number, at: number];
export type Gap = readonly [at: number, seconds: number];
export type Chapter = readonly [at: number, title: string];

export interface Thumbnails {
  url: string;
  width: number;
  height: number;
  across: number;
  every: number;
  count: number;
}

export interface Told {
  spans: readonly Span[];
  gaps: readonly Gap[];
  chapters: readonly Chapter[];
  thumbnails: Thumbnails | null;
  length: number;
}

const NOTHING: Told = { spans: [], gaps: [], chapters: [], thumbnails: null, length: 0 };

export const read = (film: HTMLElement): Told => ({ ...NOTHING, ...(JSON.parse(film.dataset.film ?? '{}') as Partial<Told>) });
