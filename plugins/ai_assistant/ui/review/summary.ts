/** A summary as the server keeps it, and what a host does to it: each change gives a new one. */
export interface Sentence {
  text: string;
  /** Numbers of the lines that it rests on; none where a host wrote it. */
  cites: number[];
}
export interface Topic {
  title: string;
  /** Seconds since the lecture's start. */
  at: number;
  text: Sentence[];
}
export interface Action {
  who: string;
  what: string;
  until: string;
  cites: number[];
}
export interface Question {
  question: string;
  answer: string;
  cites: number[];
}
export interface Summary {
  overview: Sentence[];
  topics: Topic[];
  actions: Action[];
  questions: Question[];
  is_draft: boolean;
}

/** Longest texts and most entries that the server takes. */
export const LONGEST_TITLE = 200;
export const LONGEST_TEXT = 1000;
export const MOST = { sentences: 30, topics: 40, entries: 60 };

export const EMPTY: Summary = { overview: [], topics: [], actions: [], questions: [], is_draft: false };
export const newSentence = (): Sentence => ({ text: '', cites: [] });
export const newTopic = (at: number): Topic => ({ title: '', at, text: [newSentence()] });
export const newAction = (): Action => ({ who: '', what: '', until: '', cites: [] });
export const newQuestion = (): Question => ({ question: '', answer: '', cites: [] });

export const changed = <T>(list: T[], at: number, one: T): T[] => list.map((old, index) => (index === at ? one : old));
export const removed = <T>(list: T[], at: number): T[] => list.filter((_, index) => index !== at);

/** One place up or down; the same list where there is none. */
export function moved<T>(list: T[], at: number, by: -1 | 1): T[] {
  const to = at + by;
  if (to < 0 || to >= list.length) return list;
  const next = [...list];
  [next[at], next[to]] = [next[to], next[at]];
  return next;
}

const isSaid = (text: string) => text.trim() !== '';
const said = (sentences: Sentence[]) => sentences.filter((one) => isSaid(one.text));

/** Without the entries in which nothing was written. */
export function cleaned(summary: Summary): Summary {
  return {
    ...summary,
    overview: said(summary.overview),
    topics: summary.topics.map((topic) => ({ ...topic, text: said(topic.text) })).filter((topic) => isSaid(topic.title) || topic.text.length > 0),
    actions: summary.actions.filter((one) => isSaid(one.what)),
    questions: summary.questions.filter((one) => isSaid(one.question)),
  };
}

/** Whether two say the same; one that isn't there says nothing. */
export function isSame(one: Summary | null, other: Summary | null): boolean {
  return JSON.stringify(ordered(one ?? EMPTY)) === JSON.stringify(ordered(other ?? EMPTY));
}

// The database gives keys back in an order of its own.
function ordered({ overview, topics, actions, questions }: Summary) {
  const sentence = ({ text, cites }: Sentence) => [text, cites];
  return [
    overview.map(sentence),
    topics.map(({ title, at, text }) => [title, at, text.map(sentence)]),
    actions.map(({ who, what, until, cites }) => [who, what, until, cites]),
    questions.map(({ question, answer, cites }) => [question, answer, cites]),
  ];
}

/** Seconds as 4:05 or 1:04:05. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number) => String(value).padStart(2, '0');
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
