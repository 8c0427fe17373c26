/** The panel at the side: the list of people, or one of a plugin. */
import { useEffect, useRef, type KeyboardEvent } from 'react';
import { t } from '../i18n';
import { IconButton } from '../parts';
import { useCall } from './context';
import { PluginView, useRegistry } from './fences';
import { People } from './People';
import { PEOPLE } from './view';

/** Focus goes into the panel and, when it closes, back to where it came from. */
function useFocusInside(open: string | null) {
  const ref = useRef<HTMLElement>(null);
  const before = useRef<Element | null>(null);
  useEffect(() => {
    if (open) {
      if (!ref.current?.contains(document.activeElement)) before.current = document.activeElement;
      ref.current?.focus({ preventScroll: true });
      return;
    }
    if (before.current instanceof HTMLElement) before.current.focus({ preventScroll: true });
    before.current = null;
  }, [open]);
  return ref;
}

export function Side() {
  const { host } = useCall();
  const registry = useRegistry(host.registry);
  const panel = registry.visible('panel').find((entry) => entry.key === registry.openPanel);
  const people = registry.openPanel === PEOPLE;
  const open = people ? PEOPLE : (panel?.key ?? null);
  const ref = useFocusInside(open);
  if (!open) return null;
  const title = panel?.title ?? t('People');
  const close = () => registry.show(null);
  const escape = (event: KeyboardEvent) => {
    if (event.key === 'Escape' && !event.defaultPrevented) close();
  };
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- Escape closes it from anywhere inside
    <aside id="side" className="side" ref={ref} tabIndex={-1} aria-label={title} onKeyDown={escape}>
      <header className="side-head">
        <h2>{title}</h2>
        <IconButton icon="x" label={t('Close panel')} className="ctl-small" onClick={close} />
      </header>
      <div className="side-body" data-plugin={panel?.plugin}>
        {panel ? <PluginView key={panel.key} entry={panel} host={host} close={close} /> : <People />}
      </div>
    </aside>
  );
}
