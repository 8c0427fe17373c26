/** What this page knows of the chat, kept up with packets and, where one is missing, with what is fetched. */
import type { ApiError, RoomApi } from '@audimax/room';
import { Attachments, forget } from './attachments';
import { History } from './history';
import { isThere, VOTE, wordsOf, type Flag, type Message, type Mode, type Packet, type Page, type State, type To } from './messages';
import { Outbox, type Draft, type Outgoing } from './outbox';

const PORTION = 50;
// Who has missed more than that begins anew with the newest.
const MOST_PORTIONS = 5;
// Packets of several web workers may pass each other.
const GAP_MS = 700;
const MOST_HELD = 100;
// Five hundred pages don't ask at the same moment.
const SPREAD_MS = 1500;
const AGAIN_MS = 2000;
const MOST_AGAIN_MS = 30_000;
const READ_OUT_MS = 2500;
const READ_OUT_LENGTH = 120;
const SOUND_MS = 2000;

export interface Habits {
  sound: boolean;
  readOut: boolean;
}

export class Chat {
  readonly history: History;
  readonly outbox: Outbox;
  readonly attachments: Attachments;
  state: State | null = null;
  questions: Message[] | null = null;
  /** Nothing could be loaded yet. */
  failed = false;
  unread = 0;
  loading = false;
  /** When slow mode lets this person write again. */
  waitUntil = 0;
  habits: Habits;
  private upto = 0;
  private synced = 0;
  private held: Packet[] = [];
  private gap: ReturnType<typeof setTimeout> | undefined;
  private later: ReturnType<typeof setTimeout> | undefined;
  private reading: ReturnType<typeof setTimeout> | undefined;
  private unsaid: Message[] = [];
  private meanwhile: Message[] = [];
  private fetching = false;
  private again = false;
  private failures = 0;
  private isOpen = false;
  private follows = true;
  private soundAt = 0;
  private version = 0;
  private readonly watchers = new Set<() => void>();

  constructor(
    readonly room: RoomApi,
    private readonly play: () => void = () => undefined,
  ) {
    this.history = new History(room.me.identity);
    this.habits = room.storage.get<Habits>('habits', { sound: false, readOut: true });
    this.attachments = new Attachments(room, () => this.changed());
    this.outbox = new Outbox(room, {
      changed: () => this.changed(),
      sent: (message) => this.sent(message),
      refused: (error) => this.refused(error),
    });
  }

  // --- who watches ---

  readonly subscribe = (watcher: () => void) => {
    this.watchers.add(watcher);
    return () => void this.watchers.delete(watcher);
  };
  readonly snapshot = () => this.version;

  changed() {
    this.version += 1;
    this.watchers.forEach((watcher) => watcher());
  }

  stop() {
    [this.gap, this.later, this.reading].forEach(clearTimeout);
    this.gap = this.later = this.reading = undefined;
  }

  /** Whether the panel is open, and its end in sight: then what comes is seen. */
  attend(isOpen: boolean, follows: boolean) {
    this.isOpen = isOpen;
    this.follows = !isOpen || follows;
    if (isOpen && follows && !this.history.hasNewer) this.setUnread(0);
  }

  setHabits(habits: Habits) {
    this.habits = habits;
    this.room.storage.set('habits', habits);
    this.changed();
  }

  // --- what comes ---

  hear(packet: Packet) {
    if (packet.private) return this.fetchSoon(0);
    const { after, upto } = packet;
    if (after === undefined || upto === undefined) return;
    if (!packet.messages) return upto > this.upto ? this.fetchSoon() : undefined;
    if (!this.state || after > this.upto) return this.hold(packet);
    this.apply(packet);
    this.release();
  }

  /** The connection stands, for the first time or again: packets before it are lost. */
  async connected() {
    await this.fetch();
    this.outbox.resume();
  }

  /** Coalesced: however much happens meanwhile, it is asked once; guests spread what concerns all of them. */
  fetchSoon(spread = this.room.me.isHost ? 0 : SPREAD_MS) {
    this.later ??= setTimeout(() => {
      this.later = undefined;
      void this.fetch();
    }, 50 + Math.random() * spread);
  }

  async fetch(): Promise<void> {
    if (this.fetching) {
      this.again = true;
      return;
    }
    this.fetching = true;
    try {
      if (this.state) await this.catchUp();
      else await this.begin();
      this.failures = 0;
      this.failed = false;
    } catch (error) {
      this.cannotFetch(error);
    }
    this.fetching = false;
    this.changed();
    if (this.again) {
      this.again = false;
      await this.fetch();
    }
  }

  private cannotFetch(error: unknown) {
    if (this.room.signal.aborted) return;
    this.failed = !this.state;
    // Who isn't let in any more isn't by asking again.
    if ((error as Partial<ApiError>).status === 403) return;
    const wait = Math.min(AGAIN_MS * 2 ** this.failures, MOST_AGAIN_MS);
    this.failures += 1;
    this.later ??= setTimeout(() => {
      this.later = undefined;
      void this.fetch();
    }, wait * (0.5 + Math.random()));
  }

  private async begin() {
    const page = await this.room.api.get<Page>(`/messages?limit=${PORTION}`);
    const isFirst = !this.state;
    this.history.reset(page.messages, page.more);
    // What packets brought meanwhile has gone with the lines that were here before.
    if (this.upto > page.upto) this.fetchSoon(0);
    this.upto = this.synced = page.upto;
    this.takeState(page.state);
    for (const message of page.messages) this.outbox.confirm(message.client_id);
    if (isFirst) this.countUnseen();
    this.release();
  }

  private async catchUp() {
    for (let portion = 0; portion < MOST_PORTIONS; portion++) {
      const query = `since=${this.upto}&private_since=${this.synced}`;
      const page = await this.room.api.get<Page>(`/changes?${query}`);
      this.take(page.messages);
      this.upto = Math.max(this.upto, page.upto);
      this.synced = Math.max(this.synced, page.upto);
      this.takeState(page.state);
      if (!page.more) return this.release();
    }
    await this.begin();
  }

  private hold(packet: Packet) {
    this.held = [...this.held, packet].slice(-MOST_HELD);
    this.gap ??= setTimeout(() => {
      this.gap = undefined;
      if (this.held.length) this.fetchSoon();
    }, GAP_MS);
  }

  private release() {
    this.held.sort((a, b) => a.after! - b.after!);
    while (this.held.length && this.held[0].after! <= this.upto) this.apply(this.held.shift()!);
    if (this.held.length) return;
    clearTimeout(this.gap);
    this.gap = undefined;
  }

  private apply(packet: Packet) {
    if (packet.upto! <= this.upto) return;
    this.upto = packet.upto!;
    if (packet.state && this.state) this.state = { ...this.state, ...packet.state };
    this.take(packet.messages!);
    if (packet.state) this.waitSince(packet.state.slow_seconds);
  }

  /** Slow mode has begun or changed: it counts from the last line of one's own. */
  private waitSince(seconds: number) {
    const last = this.history.lines.findLast(({ mine }) => mine);
    const now = Date.now();
    const until = last && !this.room.me.isHost ? last.at / 1000 + seconds * 1000 : 0;
    this.waitUntil = until > now ? Math.min(until, now + seconds * 1000) : 0;
    this.changed();
  }

  private takeState(state: State | undefined) {
    if (!state) return;
    this.state = { ...state, pinned: state.pinned.map((message) => this.history.mine(message)) };
    this.waitUntil = state.wait ? Date.now() + state.wait * 1000 : 0;
  }

  private take(messages: readonly Message[]) {
    if (!messages.length) return this.changed();
    if (this.loading) this.meanwhile.push(...messages);
    const fresh = this.history.take(messages, this.follows);
    messages.forEach((message) => this.takeElsewhere(message));
    this.notice(fresh.filter((message) => !message.mine && isThere(message)));
    this.changed();
  }

  /** A message may also be pinned, among the questions, or one's own on its way. */
  private takeElsewhere(message: Message) {
    if (message.author.identity === this.room.me.identity) this.outbox.confirm(message.client_id);
    if (this.state) this.state = { ...this.state, pinned: this.placed(this.state.pinned, message, message.pinned) };
    if (this.questions) this.questions = this.placed(this.questions, message, message.is_question && !message.removed_by);
  }

  private placed(list: readonly Message[], message: Message, belongs: boolean): Message[] {
    const known = list.find(({ id }) => id === message.id);
    if (known && message.version < known.version) return [...list];
    const merged = this.history.mine(message, known ?? this.history.find(message.id));
    if (!known) return belongs ? [...list, merged] : [...list];
    return belongs ? list.map((one) => (one.id === message.id ? merged : one)) : list.filter(({ id }) => id !== message.id);
  }

  // --- what is noticed ---

  private notice(fresh: readonly Message[]) {
    if (!fresh.length) return;
    const isSeen = this.isOpen && this.follows && document.visibilityState === 'visible';
    if (!isSeen) this.setUnread(this.unread + fresh.length);
    else this.remember();
    if (this.habits.sound && !isSeen) this.sound();
    if (!this.habits.readOut) return;
    this.unsaid.push(...fresh);
    this.reading ??= setTimeout(() => this.readOut(), READ_OUT_MS);
  }

  private setUnread(unread: number) {
    if (unread === 0) this.remember();
    if (unread === this.unread) return;
    this.unread = unread;
    this.room.refresh();
    this.changed();
  }

  /** What was read stays so over a reload. */
  private remember() {
    const last = this.history.lines.at(-1)?.at;
    if (last) this.room.storage.set('seen', { lecture: this.room.info.lectureId, at: last });
  }

  private countUnseen() {
    const seen = this.room.storage.get<{ lecture: string; at: number } | null>('seen', null);
    if (seen?.lecture !== this.room.info.lectureId) return this.remember();
    const unseen = this.history.lines.filter((line) => line.at > seen.at && !line.mine && isThere(line)).length;
    if (unseen && !(this.isOpen && this.follows)) this.setUnread(unseen);
  }

  private sound() {
    if (Date.now() - this.soundAt < SOUND_MS) return;
    this.soundAt = Date.now();
    this.play();
  }

  private readOut() {
    const { t, announce } = this.room;
    const [unsaid, last] = [this.unsaid, this.unsaid.at(-1)!];
    this.unsaid = [];
    this.reading = undefined;
    const { name } = last.author;
    if (unsaid.length > 1) return announce(t('{count} new messages, the last from {name}', { count: unsaid.length, name }));
    announce(t('{name} writes: {text}', { name, text: [...wordsOf(last)].slice(0, READ_OUT_LENGTH).join('') }));
  }

  // --- what people do ---

  send(draft: Draft) {
    this.outbox.send(draft);
    const slow = this.room.me.isHost ? 0 : (this.state?.slow_seconds ?? 0);
    if (slow) this.waitUntil = Date.now() + slow * 1000;
    this.changed();
  }

  retry(line: Outgoing) {
    this.outbox.retry(line, this.mayWriteTo(line.to) ? line.to : 'hosts');
  }

  discard(line: Outgoing) {
    this.outbox.discard(line);
    forget(line.files ?? []);
  }

  private sent(message: Message) {
    this.take([message]);
  }

  private refused(error: ApiError) {
    const wait = error.code === 'slow_mode' ? Number(error.problem.retry_after) : 0;
    this.waitUntil = wait > 0 ? Date.now() + wait * 1000 : 0;
    if (error.status === 409) this.fetchSoon(0);
    this.changed();
  }

  /** Why nobody writes here now, in words; null where this person may. */
  whyNot(): string | null {
    const { t, me } = this.room;
    if (!this.state) return null;
    if (this.state.mode === 'off') return t('The chat is switched off.');
    if (this.state.silenced) return t('A host has stopped the chat for you for now.');
    if (this.state.mode === 'hosts' && !me.isHost) return t('Only the hosts write now. You can read and react.');
    return null;
  }

  mayWriteTo(to: To): boolean {
    return this.room.me.isHost || this.state?.mode !== 'questions' || to !== 'everyone';
  }

  mayAttach(): boolean {
    return Boolean(this.state?.may_attach) && this.whyNot() === null;
  }

  mayChange(message: Message): boolean {
    const minutes = (Date.now() - message.at / 1000) / 60_000;
    return Boolean(message.mine) && isThere(message) && minutes < (this.state?.edit_minutes ?? 0);
  }

  async edit(id: string, text: string) {
    this.take([await this.room.api.patch<Message>(`/messages/${id}`, { text })]);
  }

  async remove(id: string) {
    this.take([await this.room.api.delete<Message>(`/messages/${id}`)]);
  }

  async mark(message: Message, kind: string) {
    const on = !message.marks?.includes(kind);
    this.take([await this.room.api.post<Message>(`/messages/${message.id}/mark`, { kind, on })]);
  }

  vote(message: Message) {
    return this.mark(message, VOTE);
  }

  async flag(message: Message, flag: Flag, on: boolean) {
    this.take([await this.room.api.post<Message>(`/messages/${message.id}/flag`, { flag, on })]);
  }

  async setMode(mode: Mode, slow_seconds: number) {
    await this.room.api.post('/mode', { mode, slow_seconds });
    await this.fetch();
  }

  // --- what is looked at ---

  loadOlder() {
    const first = this.history.lines[0];
    return this.loadPart(this.history.hasOlder && first, `before=${first?.at}`, (page) => this.history.prepend(page.messages, page.more));
  }

  loadNewer() {
    const last = this.history.lines.at(-1);
    return this.loadPart(this.history.hasNewer && last, `after=${last?.at}`, (page) => this.history.append(page.messages, page.more));
  }

  /** Back to the end, from wherever somebody was reading. */
  async toNewest() {
    if (this.history.hasNewer) await this.begin();
    this.setUnread(0);
    this.changed();
  }

  async loadQuestions() {
    const page = await this.room.api.get<Page>('/questions');
    this.questions = page.messages;
    this.changed();
  }

  closeQuestions() {
    this.questions = null;
    this.changed();
  }

  private async loadPart(wanted: unknown, query: string, put: (page: Page) => void) {
    if (!wanted || this.loading) return;
    this.loading = true;
    this.changed();
    try {
      put(await this.room.api.get<Page>(`/messages?limit=${PORTION}&${query}`));
      // What has changed in these lines while they were on their way.
      this.history.take(this.meanwhile, this.follows);
    } finally {
      this.meanwhile = [];
      this.loading = false;
      this.changed();
    }
  }
}
