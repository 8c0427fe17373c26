/** Who is here. However many there are, only those in sight are drawn. */
import { memo, useDeferredValue, useEffect, useMemo, useRef, useState, type FocusEvent, type KeyboardEvent } from 'react';
import { useIsMuted, useIsSpeaking, useParticipantInfo } from '@livekit/components-react';
import { defaultRangeExtractor, useVirtualizer, type Range } from '@tanstack/react-virtual';
import { Track, type Participant } from 'livekit-client';
import { t, tn } from '../i18n';
import { Icon, initials } from '../parts';
import type { Entry } from '../registry';
import { remember, remembered } from '../storage';
import { useStore } from '../store';
import { useCall } from './context';
import { isHost } from './crowd';
import { useRegistry } from './fences';
import { nameOf } from './names';
import { asBefore, byName, matching, sortedBy, type Sorting } from './ranking';
import { Badges, Quality } from './Tile';

const SEARCH_FROM = 8;
const ROW_HEIGHT = 48;
const ROWS_BEYOND = 6;
const SORTING_KEY = 'audimax:people-sorting';

function Sending({ participant, source, on, off, words }: { participant: Participant; source: Track.Source; on: string; off: string; words: [string, string] }) {
  const muted = useIsMuted({ participant, source });
  return (
    <span className={muted ? 'muted' : ''} role="img" aria-label={muted ? words[1] : words[0]}>
      <Icon name={muted ? off : on} size={16} />
    </span>
  );
}

function actionLabel(action: Entry<'participantAction'>, participant: Participant): string {
  return typeof action.label === 'function' ? action.label(participant) : action.label;
}

function Actions({ participant }: { participant: Participant }) {
  const { host } = useCall();
  const registry = useRegistry(host.registry);
  const actions = registry.visible('participantAction', participant);
  if (!actions.length) return null;
  const id = `person-${participant.identity}`;
  const act = (action: Entry<'participantAction'>) => {
    document.getElementById(id)?.hidePopover();
    host.run(action.plugin, () => action.run(participant));
  };
  return (
    <>
      <button
        type="button"
        className="ctl ctl-small"
        popoverTarget={id}
        style={{ anchorName: `--${id}` } as React.CSSProperties}
        aria-label={t('Actions for {name}', { name: nameOf(participant) })}
      >
        <Icon name="ellipsis" size={18} />
      </button>
      <div id={id} popover="auto" className="menu-list menu-down" style={{ positionAnchor: `--${id}` } as React.CSSProperties}>
        {actions.map((action) => (
          <button key={action.key} type="button" className={`menu-item ${action.danger ? 'menu-danger' : ''}`} onClick={() => act(action)}>
            <Icon name={action.icon} size={18} />
            {registry.safe(action.plugin, () => actionLabel(action, participant), action.id)}
          </button>
        ))}
      </div>
    </>
  );
}

function Person({ participant }: { participant: Participant }) {
  useParticipantInfo({ participant });
  const speaking = useIsSpeaking(participant);
  const name = nameOf(participant);
  return (
    <div className="person" data-speaking={speaking}>
      <span className="avatar">{participant.isAgent ? <Icon name="captions" /> : initials(name)}</span>
      <span className="person-name">
        <span className="truncate">{name}</span>
        {participant.isLocal && <span className="muted small">{t('you')}</span>}
        {isHost(participant) && <span className="muted small">{t('host')}</span>}
        {participant.isAgent && <span className="muted small">{t('writes captions')}</span>}
      </span>
      <Badges participant={participant} />
      {!participant.isAgent && (
        <>
          <Quality participant={participant} />
          <Sending participant={participant} source={Track.Source.Camera} on="video" off="video-off" words={[t('Camera on'), t('Camera off')]} />
          <Sending participant={participant} source={Track.Source.Microphone} on="mic" off="mic-off" words={[t('Microphone on'), t('Microphone off')]} />
        </>
      )}
      <Actions participant={participant} />
    </div>
  );
}
const Row = memo(Person);

function EverybodyActions() {
  const { host } = useCall();
  const registry = useRegistry(host.registry);
  const actions = registry.visible('peopleAction');
  if (!actions.length) return null;
  return (
    <div className="row row-sm">
      {actions.map((action) => (
        <button key={action.key} type="button" className={`btn btn-sm ${action.danger ? 'btn-danger' : ''}`} onClick={() => host.run(action.plugin, () => action.run())}>
          <Icon name={action.icon} size={16} />
          {registry.safe(action.plugin, () => (typeof action.label === 'function' ? action.label() : action.label), action.id)}
        </button>
      ))}
    </div>
  );
}

interface ListProps {
  people: readonly Participant[];
  /** People stay where they are while somebody works in the list. */
  onRest(rests: boolean): void;
}

/** The row that has the focus is drawn even when it was scrolled away, so that the focus stays. */
function rangeWith(range: Range, focused: number): number[] {
  const inSight = defaultRangeExtractor(range);
  return focused < 0 || inSight.includes(focused) ? inSight : [...inSight, focused].sort((a, b) => a - b);
}

const identityAt = (element: Element | null) => element?.closest<HTMLElement>('[data-identity]')?.dataset.identity;
const buttonOf = (list: HTMLElement | null, index: number) =>
  list?.querySelector<HTMLElement>(`[data-index="${index}"] .person > button`);

const STEPS: Record<string, (at: number, last: number) => number> = {
  ArrowDown: (at, last) => Math.min(at + 1, last),
  ArrowUp: (at) => Math.max(at - 1, 0),
  Home: () => 0,
  End: (_at, last) => last,
};

function List({ people, onRest }: ListProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const wanted = useRef<number | null>(null);
  const [focused, setFocused] = useState<string | null>(null);
  const place = focused === null ? -1 : people.findIndex(({ identity }) => identity === focused);
  const lastPlace = useRef(-1);
  // eslint-disable-next-line react-hooks/incompatible-library -- its answers are used here only, in the render that asked
  const rows = useVirtualizer({
    count: people.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: (index) => people[index].identity,
    rangeExtractor: (range) => rangeWith(range, place),
    overscan: ROWS_BEYOND,
    useFlushSync: false,
  });

  // A row that is scrolled to is drawn a moment later.
  useEffect(() => {
    if (wanted.current === null) return;
    const button = buttonOf(list.current, wanted.current);
    if (!button) return;
    wanted.current = null;
    button.focus({ preventScroll: true });
  });
  // Who had the focus has left: it goes to whoever stands there now.
  useEffect(() => {
    if (place >= 0) {
      lastPlace.current = place;
      return;
    }
    if (focused === null) return;
    setFocused(null);
    onRest(false);
    if (document.activeElement && document.activeElement !== document.body) return;
    (buttonOf(list.current, Math.min(lastPlace.current, people.length - 1)) ?? scroller.current)?.focus({ preventScroll: true });
  }, [focused, place, people.length, onRest]);

  const focus = (event: FocusEvent) => {
    setFocused(identityAt(event.target) ?? null);
    onRest(true);
  };
  const blur = (event: FocusEvent) => {
    if (list.current?.contains(event.relatedTarget)) return;
    setFocused(null);
    onRest(false);
  };
  const press = (event: KeyboardEvent<HTMLElement>) => {
    const step = STEPS[event.key];
    const inMenu = event.target instanceof Element && event.target.closest('[popover]');
    if (!step || inMenu || place < 0) return;
    event.preventDefault();
    wanted.current = step(place, people.length - 1);
    rows.scrollToIndex(wanted.current);
    buttonOf(list.current, wanted.current)?.focus({ preventScroll: true });
  };

  return (
    // A list that scrolls can be reached, and moved, by the keyboard even where nobody has a menu.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div ref={scroller} className="people-scroll" tabIndex={0} role="group" aria-label={t('People')}>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions, jsx-a11y/no-redundant-roles -- arrow keys go from menu to menu; Safari drops the role of a list without bullets */}
      <ul ref={list} role="list" className="people-list" style={{ height: rows.getTotalSize() }} onFocus={focus} onBlur={blur} onKeyDown={press}>
        {rows.getVirtualItems().map(({ key, index, start }) => (
          <li
            key={key}
            ref={rows.measureElement}
            data-index={index}
            data-identity={people[index].identity}
            aria-setsize={people.length}
            aria-posinset={index + 1}
            style={{ top: start }}
          >
            <Row participant={people[index]} />
          </li>
        ))}
      </ul>
    </div>
  );
}

/** The order at rest: as it was when the resting began, with who is new at the end. */
function useResting(sorted: Participant[], rests: boolean): Participant[] {
  const [shown, setShown] = useState(sorted);
  const next = rests ? asBefore(sorted, shown.map(({ identity }) => identity)) : sorted;
  const same = next.length === shown.length && next.every((participant, i) => participant === shown[i]);
  if (!same) setShown(next);
  return same ? shown : next;
}

const SORTINGS: Record<Sorting, () => string> = {
  first: () => t('Hands, hosts and talking first'),
  name: () => t('By name'),
  latest: () => t('Who came last first'),
};

function countWords(found: number, all: number): string {
  if (found === all) return tn('{count} person', '{count} people', all);
  return tn('{found} of {count} person', '{found} of {count} people', all, { found });
}

export function People() {
  const { crowd, host } = useCall();
  const registry = useRegistry(host.registry);
  const version = registry.snapshot();
  const everybody = useStore(crowd.people);
  const talking = useStore(crowd.talking);
  const [typed, setTyped] = useState('');
  const wanted = useDeferredValue(typed);
  const [sorting, setSorting] = useState(() => remembered<Sorting>(SORTING_KEY, 'first'));
  const [rests, setRests] = useState(false);
  const named = useMemo(() => byName(everybody), [everybody]);
  const sorted = useMemo(
    () => sortedBy(sorting, matching(named, wanted), { registry, talking }),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `version` is that of what the registry's callbacks read
    [named, wanted, sorting, registry, talking, version],
  );
  const shown = useResting(sorted, rests);
  const sort = (chosen: Sorting) => {
    setSorting(chosen);
    remember(SORTING_KEY, chosen);
  };
  return (
    <div className="people">
      <EverybodyActions />
      {everybody.length >= SEARCH_FROM && (
        <div className="people-tools">
          <input type="search" aria-label={t('Search people')} placeholder={t('Search people')} value={typed} onChange={(event) => setTyped(event.target.value)} />
          <select aria-label={t('Order of the list')} value={sorting} onChange={(event) => sort(event.target.value as Sorting)}>
            {Object.entries(SORTINGS).map(([key, words]) => (
              <option key={key} value={key}>
                {words()}
              </option>
            ))}
          </select>
        </div>
      )}
      <p className="muted small" role="status">
        {countWords(shown.length, everybody.length)}
      </p>
      <List people={shown} onRest={setRests} />
    </div>
  );
}
