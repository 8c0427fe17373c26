import { useState } from 'react';
import { t } from '../i18n';
import { Dialog } from '../parts';
import { useStore } from '../store';
import { canChooseSpeaker, OriginalSound, useDevices } from './Bar';
import { SMALL_ROOM, telling, tellWhen, type Telling } from './coming';
import { useCall } from './context';
import { PluginView, useRegistry } from './fences';
import { RoomSettings } from './RoomSettings';
import { pluginShortcuts, roomShortcuts } from './shortcuts';

function ShortcutSheet({ onClose }: { onClose(): void }) {
  const call = useCall();
  const { shortcuts: on } = useStore(call.view);
  const all = [...roomShortcuts(call), ...pluginShortcuts(call)];
  return (
    <Dialog title={t('Keyboard shortcuts')} onClose={onClose}>
      <dl className="shortcut-list">
        {all.map(({ key, words }) => (
          <div key={key}>
            <dt>{words}</dt>
            <dd>
              <kbd>{key.toUpperCase()}</kbd>
            </dd>
          </div>
        ))}
        <div>
          <dt>{t('Talk while you hold it down')}</dt>
          <dd>
            <kbd>{t('Space')}</kbd>
          </dd>
        </div>
        <div>
          <dt>{t('Close a panel or a dialog')}</dt>
          <dd>
            <kbd>{t('Esc')}</kbd>
          </dd>
        </div>
      </dl>
      <label className="check">
        <input type="checkbox" checked={on} onChange={(event) => call.view.useShortcuts(event.target.checked)} />
        {t('Use these keys')}
      </label>
    </Dialog>
  );
}

function DeviceSelect({ kind, label }: { kind: MediaDeviceKind; label: string }) {
  const { devices, active, pick } = useDevices(kind);
  const id = `setting-${kind}`;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} value={active} disabled={!devices.length} onChange={(event) => void pick(event.target.value)}>
        {devices.map((device) => (
          <option key={device.deviceId} value={device.deviceId}>
            {device.label}
          </option>
        ))}
        {!devices.length && <option>{t('None found, or not allowed')}</option>}
      </select>
    </div>
  );
}

const TELLING: Record<Telling, () => string> = {
  small: () => t('In small rooms (up to {count} people)', { count: SMALL_ROOM }),
  always: () => t('Always'),
  never: () => t('Never'),
};

function TellingSelect() {
  const when = useStore(telling);
  return (
    <div className="field">
      <label htmlFor="setting-telling">{t('Say who comes and goes')}</label>
      <select id="setting-telling" value={when} onChange={(event) => tellWhen(event.target.value as Telling)}>
        {Object.entries(TELLING).map(([key, words]) => (
          <option key={key} value={key}>
            {words()}
          </option>
        ))}
      </select>
    </div>
  );
}

function Settings({ onClose }: { onClose(): void }) {
  const { host } = useCall();
  const registry = useRegistry(host.registry);
  return (
    <Dialog title={t('Settings')} onClose={onClose}>
      <div className="stack">
        <DeviceSelect kind="audioinput" label={t('Microphone')} />
        <OriginalSound className="check" />
        {canChooseSpeaker() && <DeviceSelect kind="audiooutput" label={t('Speaker')} />}
        <DeviceSelect kind="videoinput" label={t('Camera')} />
        <TellingSelect />
        {registry.list('settings').map((entry) => (
          <section key={entry.key} className="stack stack-sm">
            <h3>{entry.title}</h3>
            <PluginView entry={entry} host={host} close={onClose} />
          </section>
        ))}
      </div>
    </Dialog>
  );
}

function LeaveDialog({ onClose }: { onClose(): void }) {
  const { connection, endForAll } = useCall();
  const [busy, setBusy] = useState(false);
  const end = async () => {
    setBusy(true);
    await endForAll();
    setBusy(false);
  };
  return (
    <Dialog title={t('Leave the lecture?')} onClose={onClose}>
      <p>{t('If you only leave, the lecture goes on without you. Ending it closes the room for everybody.')}</p>
      <div className="dialog-actions">
        <button type="button" className="btn" onClick={() => connection.leave()}>
          {t('Only leave')}
        </button>
        <button type="button" className="btn btn-danger" aria-busy={busy} onClick={() => void end()}>
          {t('End for everybody')}
        </button>
      </div>
    </Dialog>
  );
}

export function Dialogs() {
  const { view } = useCall();
  const { dialog } = useStore(view);
  const close = () => view.change({ dialog: null });
  if (dialog === 'shortcuts') return <ShortcutSheet onClose={close} />;
  if (dialog === 'settings') return <Settings onClose={close} />;
  if (dialog === 'room') return <RoomSettings onClose={close} />;
  if (dialog === 'leave') return <LeaveDialog onClose={close} />;
  return null;
}
