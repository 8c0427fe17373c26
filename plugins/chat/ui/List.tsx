/** All lines, of which only those in sight are drawn. It follows the end, or stays where somebody reads. */
import { defaultRangeExtractor, useVirtualizer, type Range } from '@tanstack/react-virtual';
import { useCallback, useEffect, useImperativeHandle, useLayoutEffect, useRef, useState, type FocusEvent, type KeyboardEvent, type Ref } from 'react';
import { heightOf } from './Attached';
import type { Chat } from './chat';
import { Line, Pending, type Wishes } from './Line';
import { isThere, type Message } from './messages';
import type { Outgoing } from './outbox';

const LINE_HEIGHT = 64;
const LINES_BEYOND = 8;
const BEGINNING_HEIGHT = 40;
const AT_END = 48;
const NEAR_START = 5;
const SAME_BREATH_US = 5 * 60 * 1e6;

export type Item = { key: string; message: Message; line?: undefined } | { key: string; line: Outgoing; message?: undefined };

export function itemsOf(lines: readonly Message[], outbox: readonly Outgoing[]): Item[] {
  return [
    // One's own line keeps its place on the screen when the server has taken it.
    ...lines.map((message) => ({ key: (message.mine && message.client_id) || message.id, message })),
    ...outbox.map((line) => ({ key: line.client_id, line })),
  ];
}

/** Whether a line goes on with what the same person wrote a moment before. */
export function continues(before: Item | undefined, item: Item): boolean {
  const [last, next] = [before?.message, item.message];
  if (!last || !next || next.reply || !isThere(last)) return false;
  const same = last.author.identity === next.author.identity && last.author.name === next.author.name;
  return same && last.audience === next.audience && last.to === next.to && next.at - last.at < SAME_BREATH_US;
}

const dayOf = (item: Item | undefined) => item && new Date(item.message ? item.message.at / 1000 : item.line.at).toDateString();

function Day({ chat, item, before }: { chat: Chat; item: Item; before: Item | undefined }) {
  const at = item.message ? item.message.at / 1000 : item.line.at;
  // The day on which all of it was said needs no name.
  if (dayOf(item) === dayOf(before) || (!before && dayOf(item) === new Date().toDateString())) return null;
  return <p className="chat-day">{new Intl.DateTimeFormat(chat.room.info.locale, { weekday: 'long', day: 'numeric', month: 'long' }).format(at)}</p>;
}

/** The line that has the focus is drawn even when it was scrolled away, so that the focus stays. */
function rangeWith(range: Range, focused: number): number[] {
  const inSight = defaultRangeExtractor(range);
  return focused < 0 || focused >= range.count || inSight.includes(focused) ? inSight : [...inSight, focused].sort((a, b) => a - b);
}

const STEPS: Record<string, (at: number, last: number) => number> = {
  ArrowDown: (at, last) => Math.min(at + 1, last),
  ArrowUp: (at) => Math.max(at - 1, 0),
  Home: () => 0,
  End: (_at, last) => last,
};

export interface ListHandle {
  toEnd(): void;
  show(id: string): boolean;
}
interface ListProps {
  chat: Chat;
  wishes: Wishes;
  ref: Ref<ListHandle>;
}

function Beginning({ chat, isEmpty }: { chat: Chat; isEmpty: boolean }) {
  const { t } = chat.room;
  if (chat.history.hasOlder) {
    return (
      <p className="chat-beginning" aria-live="off">
        {chat.loading ? t('Loading earlier messages…') : ''}
      </p>
    );
  }
  return <p className="chat-beginning">{isEmpty ? t('Nobody has written yet. Say hello!') : t('This is where the chat begins.')}</p>;
}

export function List({ chat, wishes, ref }: ListProps) {
  const { t } = chat.room;
  const { history, outbox } = chat;
  const items = itemsOf(history.lines, outbox.lines);
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const wanted = useRef<string | null>(null);
  const [focused, setFocused] = useState<string | null>(null);
  const [atEnd, setAtEnd] = useState(true);
  const place = focused === null ? -1 : items.findIndex(({ key }) => key === focused);
  // eslint-disable-next-line react-hooks/incompatible-library -- its answers are used here only, in the render that asked
  const rows = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => LINE_HEIGHT + heightOf((items[index].message ?? items[index].line)?.files),
    getItemKey: (index) => items[index].key,
    rangeExtractor: (range) => rangeWith(range, place),
    overscan: LINES_BEYOND,
    paddingStart: BEGINNING_HEIGHT,
    anchorTo: 'end',
    followOnAppend: true,
    scrollEndThreshold: AT_END,
    useFlushSync: false,
  });
  const drawn = rows.getVirtualItems();

  const look = useCallback(() => {
    const box = scroller.current;
    if (!box) return;
    const isAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight <= AT_END;
    setAtEnd(isAtEnd);
    chat.attend(true, isAtEnd);
    if (isAtEnd && chat.history.hasNewer) void chat.loadNewer();
  }, [chat]);
  const toEnd = () => rows.scrollToEnd();
  const show = (id: string) => {
    const index = items.findIndex(({ message }) => message?.id === id);
    if (index < 0) return false;
    wanted.current = items[index].key;
    rows.scrollToIndex(index, { align: 'center' });
    setFocused(items[index].key);
    return true;
  };
  useImperativeHandle(ref, () => ({ toEnd, show }));

  useLayoutEffect(() => {
    rows.scrollToEnd();
    return () => chat.attend(false, true);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- once, when the panel opens
  }, []);
  useEffect(look, [look, items.length]);
  // The keyboard of a phone, a pinned message: what makes the list lower leaves its end in sight.
  const follows = useRef(true);
  useEffect(() => void (follows.current = atEnd), [atEnd]);
  useEffect(() => {
    const observer = new ResizeObserver(() => follows.current && rows.scrollToEnd());
    if (scroller.current) observer.observe(scroller.current);
    return () => observer.disconnect();
  }, [rows]);
  const first = drawn[0]?.index ?? 0;
  useEffect(() => {
    if (first < NEAR_START && !atEnd) void chat.loadOlder();
  }, [chat, first, atEnd, items.length]);
  // One's own line is always looked after.
  const waiting = outbox.lines.length;
  const waited = useRef(waiting);
  useEffect(() => {
    if (waiting > waited.current) rows.scrollToEnd();
    waited.current = waiting;
  });
  // A line that is scrolled to is drawn a moment later.
  useEffect(() => {
    const line = wanted.current && lineOf(list.current, wanted.current);
    if (!line) return;
    wanted.current = null;
    line.focus({ preventScroll: true });
  });

  const focus = (event: FocusEvent) => setFocused(keyAt(event.target));
  const blur = (event: FocusEvent) => {
    if (!list.current?.contains(event.relatedTarget)) setFocused(null);
  };
  const press = (event: KeyboardEvent<HTMLElement>) => {
    const step = STEPS[event.key];
    if (!step || !items.length || isBusy(event.target)) return;
    event.preventDefault();
    const next = step(place < 0 ? items.length : place, items.length - 1);
    wanted.current = items[next].key;
    rows.scrollToIndex(next);
    setFocused(items[next].key);
    lineOf(list.current, items[next].key)?.focus({ preventScroll: true });
  };
  const tabbed = place < 0 ? items.at(-1)?.key : focused;

  return (
    <div ref={scroller} className="chat-scroll" onScroll={look}>
      <div className="chat-canvas" style={{ height: rows.getTotalSize() }}>
      <Beginning chat={chat} isEmpty={!items.length} />
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions, jsx-a11y/no-redundant-roles -- arrow keys go from line to line; Safari drops the role of a list without bullets */}
      <ul ref={list} role="list" aria-label={t('Messages')} className="chat-list" onFocus={focus} onBlur={blur} onKeyDown={press}>
        {drawn.map(({ key, index, start }) => (
          <li key={key} ref={rows.measureElement} data-index={index} data-key={key} tabIndex={key === tabbed ? 0 : -1} style={{ top: start }}>
            <Day chat={chat} item={items[index]} before={items[index - 1]} />
            <Row chat={chat} item={items[index]} before={items[index - 1]} wishes={wishes} />
          </li>
        ))}
      </ul>
      </div>
    </div>
  );
}

function Row({ chat, item, before, wishes }: { chat: Chat; item: Item; before: Item | undefined; wishes: Wishes }) {
  if (item.line) return <Pending chat={chat} line={item.line} />;
  return <Line chat={chat} message={item.message} continues={continues(before, item)} wishes={wishes} />;
}

const keyAt = (element: Element) => element.closest<HTMLElement>('[data-key]')?.dataset.key ?? null;
const lineOf = (list: HTMLElement | null, key: string) => list?.querySelector<HTMLElement>(`[data-key="${key}"]`);
const isBusy = (target: EventTarget) => target instanceof Element && target.closest('[popover], textarea, input, select') !== null;
