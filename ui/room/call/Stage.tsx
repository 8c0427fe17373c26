/** The tiles: in pages, so that of five hundred only those in sight are drawn and received. */
import { useEffect, useMemo, useRef, useState, type ReactNode, type RefObject } from 'react';
import type { TrackReferenceOrPlaceholder } from '@livekit/components-react';
import { Track, type Participant } from 'livekit-client';
import { t } from '../i18n';
import { Icon, IconButton } from '../parts';
import { useStore } from '../store';
import { useCall } from './context';
import { isHost } from './crowd';
import { gridFor, tilesInStrip, tilesPerPage, type Size } from './grid';
import { nameOf } from './names';
import { Tile } from './Tile';
import { arranged, tilesOf, worthOf } from './tiles';
import { tileKey, type ViewState } from './view';

const NARROW = 760;

function useSize(ref: RefObject<HTMLElement | null>): Size {
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => {
      const { width, height } = entry.contentRect;
      setSize({ width: Math.floor(width), height: Math.floor(height) });
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  return size;
}

/** Who is in front while several talk: whoever began first; oneself isn't brought to the front. */
function useSpeaker(talking: readonly Participant[]): Participant | null {
  const others = talking.filter((participant) => !participant.isLocal);
  const [last, setLast] = useState<Participant | null>(null);
  const now = last && others.includes(last) ? last : (others[0] ?? last);
  if (now !== last) setLast(now);
  return now;
}

/** The order of tiles from one moment to the next; `first` are on the first page. */
function useArranged(tiles: readonly TrackReferenceOrPlaceholder[], talking: readonly Participant[], first: number) {
  const [order, setOrder] = useState<readonly string[]>([]);
  const byKey = new Map(tiles.map((tile) => [tileKey(tile), tile]));
  const worth = new Map(tiles.map((tile) => [tileKey(tile), worthOf(tile, talking)]));
  const next = arranged(order, worth, first);
  if (next.length !== order.length || next.some((key, i) => key !== order[i])) setOrder(next);
  return next.map((key) => byKey.get(key)!);
}

function inFrontOf(tracks: TrackReferenceOrPlaceholder[], view: ViewState, speaker: Participant | null) {
  const cameras = tracks.filter((track) => track.source === Track.Source.Camera);
  const pinned = tracks.find((track) => tileKey(track) === view.pinned);
  const screen = tracks.find((track) => track.source === Track.Source.ScreenShare && tileKey(track) !== view.unfocused);
  if (pinned || screen) return pinned ?? screen;
  if (view.layout === 'grid') return undefined;
  const speaking = cameras.find((track) => track.participant.identity === speaker?.identity);
  const others = cameras.filter((track) => !track.participant.isLocal);
  return speaking ?? others.find((track) => isHost(track.participant)) ?? others[0] ?? cameras[0];
}

interface Paged {
  page: number;
  pages: number;
  shown: TrackReferenceOrPlaceholder[];
  turn(by: number): void;
}

function usePages(tiles: TrackReferenceOrPlaceholder[], each: number): Paged {
  const [wanted, setWanted] = useState(1);
  const pages = Math.max(1, Math.ceil(tiles.length / each));
  const page = Math.min(wanted, pages);
  return { page, pages, shown: tiles.slice((page - 1) * each, page * each), turn: (by) => setWanted(page + by) };
}

interface PagesProps {
  paged: Paged;
  vertical?: boolean;
  children: ReactNode;
}

/** Tiles with a way to the next page; only those of this page are drawn, so only they are received. */
function Pages({ paged, vertical, children }: PagesProps) {
  const { page, pages, turn } = paged;
  return (
    <div className={`pages ${vertical ? 'pages-vertical' : ''}`}>
      {children}
      {pages > 1 && (
        <nav className="pager" aria-label={t('Pages of tiles')}>
          <IconButton icon="chevron-left" label={t('Previous page')} className="ctl-small" aria-disabled={page === 1} onClick={() => page > 1 && turn(-1)} />
          <span aria-live="polite">{t('{page} of {pages}', { page, pages })}</span>
          <IconButton icon="chevron-right" label={t('Next page')} className="ctl-small" aria-disabled={page === pages} onClick={() => page < pages && turn(1)} />
        </nav>
      )}
    </div>
  );
}

const MOST_NAMED = 3;

/** Who talks though their tile isn't on this page; the line has its height whoever talks. */
function Talking({ talking, shown }: { talking: readonly Participant[]; shown: readonly TrackReferenceOrPlaceholder[] }) {
  const inSight = new Set(shown.map(({ participant }) => participant));
  const unseen = talking.filter((participant) => !participant.isLocal && !inSight.has(participant));
  const names = unseen.slice(0, MOST_NAMED).map(nameOf).join(', ');
  const more = unseen.length - MOST_NAMED;
  const words = more > 0 ? t('Talking: {names} and {count} more', { names, count: more }) : t('Talking: {names}', { names });
  return (
    <p className="talking" aria-live="polite">
      {unseen.length > 0 && (
        <>
          <Icon name="volume-2" size={16} /> <span className="truncate">{words}</span>
        </>
      )}
    </p>
  );
}

interface AreaProps {
  tiles: TrackReferenceOrPlaceholder[];
  talking: readonly Participant[];
  area: Size;
}

const PAGER_HEIGHT = 44;
const TALKING_HEIGHT = 28;

function GridArea({ tiles, talking, area }: AreaProps) {
  const roomy = tilesPerPage(area);
  const several = tiles.length > roomy;
  const usable = several ? { ...area, height: area.height - PAGER_HEIGHT - TALKING_HEIGHT } : area;
  const each = several ? tilesPerPage(usable) : roomy;
  const paged = usePages(useArranged(tiles, talking, each), each);
  const { width, height } = gridFor(paged.shown.length, usable).tile;
  const style = useMemo(() => ({ width, height }), [width, height]);
  return (
    <>
      <Pages paged={paged}>
        <ul className="grid" aria-label={t('People and screens')}>
          {paged.shown.map((tile) => (
            <Tile key={tileKey(tile)} track={tile} style={style} />
          ))}
        </ul>
      </Pages>
      {several && <Talking talking={talking} shown={paged.shown} />}
    </>
  );
}

interface FrontAreaProps extends AreaProps {
  front: TrackReferenceOrPlaceholder;
}

function FrontArea({ tiles, talking, area, front }: FrontAreaProps) {
  const vertical = area.width > NARROW;
  const height = area.height - TALKING_HEIGHT;
  const each = tilesInStrip(vertical ? { ...area, height: height - PAGER_HEIGHT } : { ...area, width: area.width - 46 }, vertical);
  const others = useArranged(tiles, talking, each + 1).filter((tile) => tileKey(tile) !== tileKey(front));
  const paged = usePages(others, each);
  return (
    <>
      <div className={`front ${vertical ? '' : 'front-narrow'}`} data-alone={!others.length}>
        {others.length > 0 && (
          <Pages paged={paged} vertical={vertical}>
            <ul className="strip" aria-label={t('Others')}>
              {paged.shown.map((tile) => (
                <Tile key={tileKey(tile)} track={tile} />
              ))}
            </ul>
          </Pages>
        )}
        <ul className="front-main" aria-label={t('In front')}>
          <Tile track={front} inFront />
        </ul>
      </div>
      {paged.pages > 1 && <Talking talking={talking} shown={[front, ...paged.shown]} />}
    </>
  );
}

export function Stage() {
  const { crowd, view } = useCall();
  const state = useStore(view);
  const ref = useRef<HTMLDivElement>(null);
  const area = useSize(ref);
  const people = useStore(crowd.people);
  const talking = useStore(crowd.talking);
  useStore(crowd.sending);
  const tiles = tilesOf(people);
  const speaker = useSpeaker(talking);
  const front = inFrontOf(tiles, state, speaker);
  const shared = { tiles, talking, area };
  return (
    <div className="tiles" ref={ref}>
      {area.width > 0 && (front ? <FrontArea {...shared} front={front} /> : <GridArea {...shared} />)}
    </div>
  );
}
