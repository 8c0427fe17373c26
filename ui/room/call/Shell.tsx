/** The room during the call: stage, side, bar, and what must be said above them. */
import { useEffect, useRef } from 'react';
import { RoomAudioRenderer, RoomContext, setLogLevel, useRoomContext, useStartAudio } from '@livekit/components-react';
import { t } from '../i18n';
import { toast } from '../notices';
import { Icon } from '../parts';
import type { OverlaySlot } from '../sdk';
import { useStore } from '../store';
import { Bar } from './Bar';
import { useComingAndGoing } from './coming';
import { troubleWords } from './connection';
import { useCall } from './context';
import { Dialogs } from './Dialogs';
import { PluginView, useRegistry } from './fences';
import { logLevel } from './log';
import { HeldDown, usePushToTalk } from './pushToTalk';
import { useAskBeforeLeaving, useWakeLock } from './screen';
import { useShortcuts } from './shortcuts';
import { Side } from './Side';
import { Stage } from './Stage';

setLogLevel(logLevel());

function Overlays({ slot }: { slot: OverlaySlot }) {
  const { host } = useCall();
  const registry = useRegistry(host.registry);
  const shown = registry.visible('overlay').filter((overlay) => overlay.slot === slot);
  if (!shown.length) return null;
  return (
    <div className={`overlay overlay-${slot}`}>
      {shown.map((overlay) => (
        <PluginView key={overlay.key} entry={overlay} host={host} quiet />
      ))}
    </div>
  );
}

/** What everybody must know for as long as it is so. */
function Signs() {
  const { host } = useCall();
  const registry = useRegistry(host.registry);
  const signs = registry.list('sign').flatMap((sign) => {
    const text = registry.safe(sign.plugin, sign.text, null);
    return text ? [{ sign, text }] : [];
  });
  if (!signs.length) return null;
  return (
    <ul className="signs" aria-label={t('What is going on')}>
      {signs.map(({ sign, text }) => (
        <li key={sign.key}>
          {sign.onClick ? (
            <button type="button" className="sign" onClick={() => host.run(sign.plugin, () => sign.onClick!())}>
              <Icon name={sign.icon} size={14} /> {text}
            </button>
          ) : (
            <span className="sign">
              <Icon name={sign.icon} size={14} /> {text}
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

function ConnectionBanner() {
  const phase = useStore(useCall().connection.phase);
  const words = troubleWords(phase);
  return (
    <div className="banner-place" role="status">
      {words && (
        <p className="banner">
          <Icon name="wifi-off" size={18} /> {words}
        </p>
      )}
    </div>
  );
}

/** Browsers are silent until the person has touched the page. */
function SoundBanner() {
  const room = useRoomContext();
  const { mergedProps, canPlayAudio } = useStartAudio({ room, props: {} });
  if (canPlayAudio) return null;
  return (
    <button type="button" className="banner banner-sound" onClick={mergedProps.onClick}>
      <Icon name="volume-2" size={18} /> {t('Turn sound on')}
    </button>
  );
}

function useFailureNotices() {
  const { host } = useCall();
  const registry = useRegistry(host.registry);
  const told = useRef(new Set<string>());
  useEffect(() => {
    for (const { id } of host.failures) {
      if (told.current.has(id) || id === 'room') continue;
      told.current.add(id);
      toast(t('“{plugin}” doesn’t work here at the moment. The call goes on.', { plugin: host.nameOf(id) }));
    }
  });
  return registry;
}

function Room() {
  const call = useCall();
  const { config, host } = call;
  const registry = useFailureNotices();
  const heading = useRef<HTMLHeadingElement>(null);
  useShortcuts(call);
  usePushToTalk(call);
  useComingAndGoing();
  useWakeLock();
  useAskBeforeLeaving(host.me.isHost);
  useEffect(() => heading.current?.focus(), []);
  return (
    <div className="shell" data-side={registry.openPanel ? 'open' : 'closed'}>
      <ConnectionBanner />
      <SoundBanner />
      <main className="stage">
        <h1 className="sr-only" tabIndex={-1} ref={heading}>
          {config.room.title}
        </h1>
        <Signs />
        <Overlays slot="stage-above" />
        <Overlays slot="stage-top" />
        <Stage />
        <Overlays slot="stage-bottom" />
        <Overlays slot="stage-full" />
        <HeldDown />
      </main>
      <Side />
      <Bar />
      <RoomAudioRenderer />
      <Dialogs />
    </div>
  );
}

export default function Shell() {
  return (
    <RoomContext.Provider value={useCall().room}>
      <Room />
    </RoomContext.Provider>
  );
}
