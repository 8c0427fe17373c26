/** The part of the chat that this page holds: a window on the history, bounded, without gaps or doubles. */
import { isThere, type Message } from './messages';

export const MOST_LINES = 2000;

/** Where a place is, or would be, in lines that are in order. */
function placeOf(lines: readonly Message[], at: number): number {
  let [low, high] = [0, lines.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lines[middle].at < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class History {
  lines: readonly Message[] = [];
  /** There are earlier lines that this page doesn't hold. */
  hasOlder = false;
  /** There are later ones: somebody reads far up, or went there. */
  hasNewer = false;
  private newest = 0;

  constructor(private readonly identity: string) {}

  reset(messages: readonly Message[], more: boolean) {
    this.lines = messages.map((message) => this.mine(message));
    this.hasOlder = more;
    this.hasNewer = false;
    this.newest = Math.max(this.newest, this.lines.at(-1)?.at ?? 0);
  }

  prepend(messages: readonly Message[], more: boolean) {
    this.lines = [...messages.map((message) => this.mine(message)), ...this.lines];
    this.hasOlder = more;
    if (this.lines.length <= MOST_LINES) return;
    this.lines = this.lines.slice(0, MOST_LINES);
    this.hasNewer = true;
  }

  append(messages: readonly Message[], more: boolean) {
    this.lines = [...this.lines, ...messages.map((message) => this.mine(message))];
    this.hasNewer = more;
    this.dropOldest();
  }

  /**
   * What has changed; gives the lines that are new to this page. `follows`: the end is in sight, so the beginning
   * may go; else the end waits until somebody comes back to it.
   */
  take(messages: readonly Message[], follows: boolean): Message[] {
    if (!messages.length) return [];
    const lines = [...this.lines];
    const fresh = messages.map((message) => this.put(lines, message, follows)).filter((message) => message !== null);
    this.lines = lines;
    if (follows) this.dropOldest();
    return fresh;
  }

  find(id: string): Message | undefined {
    return this.lines.find((line) => line.id === id);
  }

  private put(lines: Message[], message: Message, follows: boolean): Message | null {
    const place = placeOf(lines, message.at);
    const known = lines[place]?.id === message.id ? lines[place] : undefined;
    const merged = this.mine(message, known);
    if (known) {
      if (message.version >= known.version) {
        lines[place] = merged;
        if (known.text !== message.text || isThere(known) !== isThere(message)) requote(lines, merged);
      }
      return null;
    }
    const isNew = message.at > this.newest;
    this.newest = Math.max(this.newest, message.at);
    if (this.isInside(lines, place, follows)) lines.splice(place, 0, merged);
    return isNew ? merged : null;
  }

  private isInside(lines: readonly Message[], place: number, follows: boolean): boolean {
    if (place === 0 && this.hasOlder) return false;
    if (place < lines.length) return true;
    this.hasNewer ||= !follows && lines.length >= MOST_LINES;
    return !this.hasNewer;
  }

  private dropOldest() {
    if (this.lines.length <= MOST_LINES || this.hasNewer) return;
    this.lines = this.lines.slice(-MOST_LINES);
    this.hasOlder = true;
  }

  /** A packet is the same for everybody: what is one's own in a message is kept from before. */
  mine(message: Message, known?: Message): Message {
    const mine = message.mine ?? known?.mine ?? message.author.identity === this.identity;
    return { ...message, mine, marks: message.marks ?? known?.marks ?? [] };
  }
}

/** What was changed or removed is so in the answers to it too. */
function requote(lines: Message[], { id, text, files }: Message) {
  lines.forEach((line, place) => {
    if (line.reply?.id === id) lines[place] = { ...line, reply: { ...line.reply, text, has_files: Boolean(files?.length) } };
  });
}
