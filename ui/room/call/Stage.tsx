import { useEffect, useMemo, useRef, useState, type ReactNode, type RefObject } from 'react';
import { usePagination, useSpeakingParticipants, useTracks, type TrackReferenceOrPlaceholder } from '@livekit/components-react';
import { RoomEvent, Track, type Participant } from 'livekit-client';
import { t } from '../i18n';
import { IconButton } from '../parts';
import { useStore } from '../store';
import { useCall } from './context';
import { gridFor, tilesInStrip, tilesPerPage, type Size } from './grid';
import { Tile } from './Tile';
import { tileKey, type ViewState } from './view';

const SOURCES = [
  { source: Track.Source.Camera, withPlaceholder: true },
  { source: Track.Source.ScreenShare, withPlaceholder: false },
];
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

/** Who spoke last; oneself isn't brought to the front. */
function useLastSpeaker(): Participant | null {
  const now = useSpeakingParticipants().find((participant) => !participant.isLocal);
  const [last, setLast] = useState<Participant | null>(null);
  if (now && now !== last) setLast(now);
  return last;
}

function inFrontOf(tracks: TrackReferenceOrPlaceholder[], view: ViewState, speaker: Participant | null) {
  const cameras = tracks.filter((track) => track.source === Track.Source.Camera);
  const pinned = tracks.find((track) => tileKey(track) === view.pinned);
  const screen = tracks.find((track) => track.source === Track.Source.ScreenShare && tileKey(track) !== view.unfocused);
  if (pinned || screen) return pinned ?? screen;
  if (view.layout === 'grid') return undefined;
  const speaking = cameras.find((track) => track.participant.identity === speaker?.identity);
  return speaking ?? cameras.find((track) => !track.participant.isLocal) ?? cameras[0];
}

interface PagesProps {
  pages: ReturnType<typeof usePagination>;
  vertical?: boolean;
  children: ReactNode;
}

/** Tiles with a way to the next page; only those of this page are drawn, so only they are received. */
function Pages({ pages, vertical, children }: PagesProps) {
  const { currentPage, totalPageCount, prevPage, nextPage } = pages;
  const several = totalPageCount > 1;
  return (
    <div className={`pages ${vertical ? 'pages-vertical' : ''}`}>
      {children}
      {several && (
        <nav className="pager" aria-label={t('Pages of tiles')}>
          <IconButton icon="chevron-left" label={t('Previous page')} className="ctl-small" disabled={currentPage === 1} onClick={prevPage} />
          <span aria-live="polite">
            {t('{page} of {pages}', { page: currentPage, pages: totalPageCount })}
          </span>
          <IconButton icon="chevron-right" label={t('Next page')} className="ctl-small" disabled={currentPage === totalPageCount} onClick={nextPage} />
        </nav>
      )}
    </div>
  );
}

interface AreaProps {
  tracks: TrackReferenceOrPlaceholder[];
  area: Size;
}

const PAGER_HEIGHT = 44;

function GridArea({ tracks, area }: AreaProps) {
  const roomy = tilesPerPage(area);
  const paged = tracks.length > roomy;
  const usable = paged ? { ...area, height: area.height - PAGER_HEIGHT } : area;
  const pages = usePagination(paged ? tilesPerPage(usable) : roomy, tracks);
  const { tile } = gridFor(pages.tracks.length, usable);
  return (
    <Pages pages={pages}>
      <ul className="grid" aria-label={t('People and screens')}>
        {pages.tracks.map((track) => (
          <Tile key={tileKey(track)} track={track} style={tile} />
        ))}
      </ul>
    </Pages>
  );
}

interface FrontAreaProps extends AreaProps {
  front: TrackReferenceOrPlaceholder;
}

function FrontArea({ tracks, area, front }: FrontAreaProps) {
  const vertical = area.width > NARROW;
  const others = useMemo(() => tracks.filter((track) => tileKey(track) !== tileKey(front)), [tracks, front]);
  const space = vertical ? { ...area, height: area.height - PAGER_HEIGHT } : { ...area, width: area.width - 46 };
  const pages = usePagination(tilesInStrip(space, vertical), others);
  return (
    <div className={`front ${vertical ? '' : 'front-narrow'}`} data-alone={!others.length}>
      {others.length > 0 && (
        <Pages pages={pages} vertical={vertical}>
          <ul className="strip" aria-label={t('Others')}>
            {pages.tracks.map((track) => (
              <Tile key={tileKey(track)} track={track} />
            ))}
          </ul>
        </Pages>
      )}
      <ul className="front-main" aria-label={t('In front')}>
        <Tile track={front} inFront />
      </ul>
    </div>
  );
}

export function Stage() {
  const { view } = useCall();
  const state = useStore(view);
  const ref = useRef<HTMLDivElement>(null);
  const area = useSize(ref);
  const all = useTracks(SOURCES, { updateOnlyOn: [RoomEvent.ActiveSpeakersChanged], onlySubscribed: false });
  // An agent has no face; the list of people shows it.
  const tracks = useMemo(() => all.filter((track) => !track.participant.isAgent), [all]);
  const speaker = useLastSpeaker();
  const front = inFrontOf(tracks, state, speaker);
  return (
    <div className="tiles" ref={ref}>
      {area.width > 0 && (front ? <FrontArea tracks={tracks} area={area} front={front} /> : <GridArea tracks={tracks} area={area} />)}
    </div>
  );
}
