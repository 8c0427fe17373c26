/** What the server says of messages. */
import type { StoredFile } from '@audimax/room';

export type Audience = 'everyone' | 'hosts';
/** `author`: of the message that is answered, beside the hosts. */
export type To = Audience | 'author';
export type Mode = 'everyone' | 'questions' | 'hosts' | 'off';
export type Flag = 'pinned' | 'answered' | 'is_question';

export const REACTIONS = ['👍', '❤️', '😂', '😮', '🎉', '🙏'] as const;
export const VOTE = 'vote';
export const LONGEST = 4000;

export interface Quote {
  id: string;
  name: string;
  text: string;
  has_files?: boolean;
}
export interface Message {
  id: string;
  /** Its place in the order: microseconds since 1970. */
  at: number;
  /** Rises with every change. */
  version: number;
  audience: Audience;
  author: { identity?: string; name: string; is_host: boolean };
  to?: string;
  text: string;
  files?: StoredFile[];
  reply?: Quote;
  is_question: boolean;
  answered: boolean;
  pinned: boolean;
  edited: boolean;
  removed_by?: 'author' | 'host' | 'erasure';
  votes: number;
  reactions: Record<string, number>;
  client_id?: string;
  /** How it stands with oneself: in what was fetched, not in packets. */
  mine?: boolean;
  marks?: string[];
}
/** Not removed. */
export const isThere = ({ text, files }: Pick<Message, 'text' | 'files'>) => Boolean(text || files?.length);

/** What it says, or else what its files are called. */
export const wordsOf = ({ text, files = [] }: Pick<Message, 'text' | 'files'>) => text || files.map(({ name }) => name).join(', ');

export const quoteOf = ({ id, author, text, files }: Message): Quote => ({ id, name: author.name, text, has_files: Boolean(files?.length) });

export interface State {
  mode: Mode;
  slow_seconds: number;
  edit_minutes: number;
  silenced: boolean;
  may_attach: boolean;
  wait: number;
  pinned: Message[];
}
export interface Page {
  messages: Message[];
  more: boolean;
  upto: number;
  state?: State;
}
/** Who knows everything up to `after` knows, with it, everything up to `upto`; without `messages` they are fetched. */
export interface Packet {
  after?: number;
  upto?: number;
  messages?: Message[];
  state?: Pick<State, 'mode' | 'slow_seconds'>;
  private?: boolean;
}
