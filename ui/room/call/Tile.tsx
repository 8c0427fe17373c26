import { memo, useCallback, useEffect, useSyncExternalStore } from 'react';
import {
  isTrackReference,
  useConnectionQualityIndicator,
  useIsMuted,
  useIsSpeaking,
  useParticipantInfo,
  VideoTrack,
  type TrackReferenceOrPlaceholder,
} from '@livekit/components-react';
import { ConnectionQuality, Track, TrackEvent, type Participant, type TrackPublication } from 'livekit-client';
import { t } from '../i18n';
import { Icon, IconButton, initials } from '../parts';
import { useCall } from './context';
import { useRegistry } from './fences';
import { nameOf } from './names';
import { tileKey } from './view';

/** Short texts of plugins, such as a raised hand. */
export function Badges({ participant }: { participant: Participant }) {
  const { registry } = useCall().host;
  useRegistry(registry);
  const texts = registry.list('tileBadge').map((badge) => ({
    key: badge.key,
    text: registry.safe(badge.plugin, () => badge.text(participant), null),
  }));
  return texts.map(({ key, text }) => text && (
    <span key={key} className="tile-badge">
      {text}
    </span>
  ));
}

const QUALITY: Record<ConnectionQuality, { icon: string; words: () => string }> = {
  [ConnectionQuality.Excellent]: { icon: 'wifi', words: () => t('Very good connection') },
  [ConnectionQuality.Good]: { icon: 'wifi', words: () => t('Good connection') },
  [ConnectionQuality.Poor]: { icon: 'wifi-low', words: () => t('Weak connection') },
  [ConnectionQuality.Lost]: { icon: 'wifi-off', words: () => t('Connection lost') },
  [ConnectionQuality.Unknown]: { icon: 'wifi', words: () => t('Connection') },
};
const BAD = [ConnectionQuality.Poor, ConnectionQuality.Lost];

interface QualityProps {
  participant: Participant;
  onlyBad?: boolean;
}

export function Quality({ participant, onlyBad }: QualityProps) {
  const { quality } = useConnectionQualityIndicator({ participant });
  if (onlyBad && !BAD.includes(quality)) return null;
  const { icon, words } = QUALITY[quality];
  return (
    <span className={`quality quality-${quality}`} role="img" aria-label={words()} title={words()}>
      <Icon name={icon} size={16} />
    </span>
  );
}

function Muted({ participant }: { participant: Participant }) {
  const muted = useIsMuted({ participant, source: Track.Source.Microphone });
  if (!muted) return null;
  return (
    <span className="tile-muted" role="img" aria-label={t('Microphone off')}>
      <Icon name="mic-off" size={14} />
    </span>
  );
}

function OwnScreen() {
  const { devices } = useCall();
  return (
    <div className="tile-own-screen">
      <Icon name="screen-share" size={28} />
      <p>{t('You are sharing your screen')}</p>
      <button type="button" className="btn btn-danger btn-sm" onClick={() => void devices.toggleScreen()}>
        {t('Stop sharing')}
      </button>
    </div>
  );
}

const SHOWN_OR_NOT = [TrackEvent.Muted, TrackEvent.Unmuted, TrackEvent.Subscribed, TrackEvent.Unsubscribed] as const;

/** Whether the picture is there, as it comes and goes. */
function useIsShown(publication: TrackPublication | undefined): boolean {
  const subscribe = useCallback(
    (changed: () => void) => {
      SHOWN_OR_NOT.forEach((event) => publication?.on(event, changed));
      return () => SHOWN_OR_NOT.forEach((event) => publication?.off(event, changed));
    },
    [publication],
  );
  return useSyncExternalStore(subscribe, () => publication !== undefined && !publication.isMuted && publication.track !== undefined);
}

function Picture({ track, name }: { track: TrackReferenceOrPlaceholder; name: string }) {
  const isScreen = track.source === Track.Source.ScreenShare;
  const { receiving } = useCall();
  const { publication } = track;
  const shown = useIsShown(publication);
  useEffect(() => receiving.draw(isScreen ? undefined : publication), [receiving, isScreen, publication]);
  // One's own screen, shown again, would be a hall of mirrors.
  if (isScreen && track.participant.isLocal) return <OwnScreen />;
  if (isTrackReference(track) && shown) return <VideoTrack trackRef={track} />;
  return (
    <div className="tile-off">
      <span className="avatar">{initials(name)}</span>
    </div>
  );
}

function labelOf(participant: Participant, name: string, isScreen: boolean): string {
  if (isScreen) return t('Screen of {name}', { name });
  return participant.isLocal ? t('{name} (you)', { name }) : name;
}

interface TileProps {
  track: TrackReferenceOrPlaceholder;
  inFront?: boolean;
  style?: { width: number; height: number };
}

export const Tile = memo(function Tile({ track, inFront = false, style }: TileProps) {
  const { participant, source } = track;
  const { view } = useCall();
  useParticipantInfo({ participant });
  const speaking = useIsSpeaking(participant);
  const isScreen = source === Track.Source.ScreenShare;
  const name = nameOf(participant);
  const label = labelOf(participant, name, isScreen);
  return (
    <li
      className="tile"
      style={style}
      data-speaking={speaking && !isScreen}
      data-local={participant.isLocal}
      data-source={source}
      data-identity={participant.identity}
    >
      <Picture track={track} name={name} />
      <div className="tile-badges">{!isScreen && <Badges participant={participant} />}</div>
      <div className="tile-meta">
        <span className="tile-name">
          {isScreen ? <Icon name="screen-share" size={14} /> : <Muted participant={participant} />}
          <span className="truncate">{label}</span>
        </span>
        {!isScreen && <Quality participant={participant} onlyBad />}
      </div>
      <IconButton
        icon={inFront ? 'pin-off' : 'pin'}
        label={inFront ? t('Put {name} back', { name: label }) : t('Bring {name} to the front', { name: label })}
        className="tile-pin ctl-small ctl-glass"
        onClick={() => view.togglePin(tileKey(track), inFront)}
      />
    </li>
  );
});
