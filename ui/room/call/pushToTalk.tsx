/** The space bar opens the microphone for as long as it is held down. */
import { useEffect } from 'react';
import { t } from '../i18n';
import { announce } from '../notices';
import { Icon } from '../parts';
import { useStore } from '../store';
import { useCall, type CallParts } from './context';
import { isTaken } from './shortcuts';

// There the space bar does something already.
const PRESSABLE = 'button, a[href], summary, label, video[controls], [role="button"], [role="switch"], [role="tab"], [popover]';

const isForSomethingElse = ({ target }: KeyboardEvent) => target instanceof Element && Boolean(target.closest(PRESSABLE));

export function usePushToTalk({ devices, view }: CallParts) {
  const { shortcuts: on } = useStore(view);
  useEffect(() => {
    if (!on) return;
    let held = false;
    const press = (event: KeyboardEvent) => {
      if (event.key !== ' ') return;
      // The key repeats while it is held down; the page must not scroll by it.
      if (held) return event.preventDefault();
      if (event.shiftKey || isTaken(event) || isForSomethingElse(event)) return;
      event.preventDefault();
      held = true;
      void devices.hold();
    };
    const release = () => {
      if (!held) return;
      held = false;
      void devices.release();
    };
    const lift = (event: KeyboardEvent) => event.key === ' ' && release();
    addEventListener('keydown', press);
    addEventListener('keyup', lift);
    addEventListener('blur', release);
    document.addEventListener('visibilitychange', release);
    return () => {
      release();
      removeEventListener('keydown', press);
      removeEventListener('keyup', lift);
      removeEventListener('blur', release);
      document.removeEventListener('visibilitychange', release);
    };
  }, [devices, on]);
}

/** Seen and heard: whether one is heard by the others now. */
export function HeldDown() {
  const held = useStore(useCall().devices.held);
  useEffect(() => {
    if (held !== 'open') return;
    announce(t('Microphone on'));
    return () => announce(t('Microphone off'));
  }, [held]);
  return (
    <div className="held">
      {held !== 'no' && (
        <p>
          <Icon name="mic" size={18} />
          {held === 'open' ? t('You can be heard while you hold down the space bar') : t('The microphone opens…')}
        </p>
      )}
    </div>
  );
}
