/** The bar at the bottom: what one does all the time, and a menu with the rest. */
import { useEffect, useId, useState, type CSSProperties, type ReactNode } from 'react';
import { useLocalParticipant, useLocalParticipantPermissions, useMediaDeviceSelect } from '@livekit/components-react';
import { choices, choose, type Choices } from '../choices';
import { language, t } from '../i18n';
import type { Kind } from '../media';
import { toast } from '../notices';
import { Icon, IconButton } from '../parts';
import type { Entry } from '../registry';
import { useStore } from '../store';
import { useCall } from './context';
import { canShareScreen, maySend } from './devices';
import { useRegistry } from './fences';
import { canBeFull, toggleFullScreen, useIsFull } from './screen';
import { PEOPLE } from './view';

const anchored = (name: string) => ({ positionAnchor: name }) as CSSProperties;
const anchor = (name: string) => ({ anchorName: name }) as CSSProperties;
const closeMenu = (id: string) => document.getElementById(id)?.hidePopover();

export const DEVICE_KEYS: Partial<Record<MediaDeviceKind, keyof Choices>> = {
  audioinput: 'microphoneId',
  videoinput: 'cameraId',
  audiooutput: 'speakerId',
};
export const canChooseSpeaker = () => 'setSinkId' in HTMLMediaElement.prototype;

export function useDevices(kind: MediaDeviceKind) {
  const { devices, activeDeviceId, setActiveMediaDevice } = useMediaDeviceSelect({ kind });
  const named = devices.filter((device) => device.label);
  const active = named.some((device) => device.deviceId === activeDeviceId) ? activeDeviceId : named[0]?.deviceId;
  const pick = async (id: string) => {
    choose({ [DEVICE_KEYS[kind]!]: id });
    try {
      await setActiveMediaDevice(id);
    } catch {
      toast(t('This device doesn’t work. Try another one.'), 'error');
    }
  };
  return { devices: named, active, pick };
}

function DeviceChoice({ kind, title }: { kind: MediaDeviceKind; title: string }) {
  const { devices, active, pick } = useDevices(kind);
  const group = useId();
  if (!devices.length) return <p className="menu-note">{t('{kind}: none found', { kind: title })}</p>;
  return (
    <fieldset>
      <legend>{title}</legend>
      {devices.map((device) => (
        <label key={device.deviceId} className="menu-item">
          <input type="radio" name={group} checked={device.deviceId === active} onChange={() => void pick(device.deviceId)} />
          <span className="truncate">{device.label}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** A microphone without noise suppression, in menus and on forms. */
export function OriginalSound({ className }: { className: string }) {
  const { devices } = useCall();
  const { originalSound = false } = useStore(choices);
  return (
    <label className={className}>
      <input type="checkbox" checked={originalSound} onChange={(event) => void devices.useOriginalSound(event.target.checked)} />
      <span>
        {t('Original sound')}
        <span className="hint">{t('For music: noise is left as it is.')}</span>
      </span>
    </label>
  );
}

const TOGGLES: Record<Kind, { on: string; off: string; turnOn: () => string; turnOff: () => string; choose: () => string; key: string }> = {
  microphone: {
    on: 'mic',
    off: 'mic-off',
    turnOn: () => t('Turn microphone on'),
    turnOff: () => t('Turn microphone off'),
    choose: () => t('Choose microphone and speaker'),
    key: 'm',
  },
  camera: {
    on: 'video',
    off: 'video-off',
    turnOn: () => t('Turn camera on'),
    turnOff: () => t('Turn camera off'),
    choose: () => t('Choose camera'),
    key: 'v',
  },
};

/** A click by the mouse leaves the focus where it was: the space bar then talks, and doesn't press the button again. */
const keepFocus = (event: { preventDefault(): void }) => event.preventDefault();

function DeviceButton({ kind }: { kind: Kind }) {
  const { devices } = useCall();
  const { isMicrophoneEnabled, isCameraEnabled } = useLocalParticipant();
  const allowed = maySend(useLocalParticipantPermissions(), kind);
  const on = kind === 'microphone' ? isMicrophoneEnabled : isCameraEnabled;
  const words = TOGGLES[kind];
  const [open, setOpen] = useState(false);
  const menu = `menu-${kind}`;
  return (
    <div className="ctl-group">
      <IconButton
        icon={on ? words.on : words.off}
        label={on ? words.turnOff() : words.turnOn()}
        shortcut={words.key}
        className={on ? '' : 'ctl-off'}
        aria-disabled={!allowed}
        {...(!allowed && { title: devices.why(kind) })}
        data-device={kind}
        onMouseDown={keepFocus}
        onClick={() => void devices.toggle(kind)}
      />
      <button type="button" className="ctl ctl-chevron" popoverTarget={menu} aria-label={words.choose()} style={anchor(`--${menu}`)}>
        <Icon name="chevron-up" size={16} />
      </button>
      <div id={menu} popover="auto" className="menu-list menu-up" style={anchored(`--${menu}`)} onToggle={(event) => setOpen(event.newState === 'open')}>
        {open && kind === 'microphone' && <DeviceChoice kind="audioinput" title={t('Microphone')} />}
        {open && kind === 'microphone' && <OriginalSound className="menu-item" />}
        {open && kind === 'microphone' && canChooseSpeaker() && <DeviceChoice kind="audiooutput" title={t('Speaker')} />}
        {open && kind === 'camera' && <DeviceChoice kind="videoinput" title={t('Camera')} />}
      </div>
    </div>
  );
}

function useScreenShare() {
  const { devices } = useCall();
  const { isScreenShareEnabled: on } = useLocalParticipant();
  const allowed = maySend(useLocalParticipantPermissions(), 'screen');
  const label = on ? t('Stop sharing') : t('Share your screen');
  return { on, allowed, label, possible: canShareScreen(), toggle: () => void devices.toggleScreen() };
}

function ScreenButton() {
  const { on, allowed, label, possible, toggle } = useScreenShare();
  if (!possible) return null;
  return (
    <IconButton
      icon={on ? 'screen-share-off' : 'screen-share'}
      label={label}
      shortcut="s"
      pressed={on}
      className="wide-only"
      aria-disabled={!allowed}
      onMouseDown={keepFocus}
      onClick={toggle}
    />
  );
}

const valueOf = (value: string | (() => string)) => (typeof value === 'function' ? value() : value);

function usePluginControls(group: 'main' | 'more'): Entry<'control'>[] {
  const registry = useRegistry(useCall().host.registry);
  return registry.visible('control').filter((control) => (control.group ?? 'main') === group);
}

function PluginControl({ control }: { control: Entry<'control'> }) {
  const { host } = useCall();
  const { registry } = host;
  const { plugin } = control;
  return (
    <IconButton
      icon={registry.safe(plugin, () => valueOf(control.icon), 'puzzle')}
      label={registry.safe(plugin, () => valueOf(control.label), control.id)}
      pressed={control.pressed && registry.safe(plugin, control.pressed, false)}
      badge={registry.safe(plugin, control.badge, null)}
      disabled={registry.safe(plugin, control.disabled, false)}
      shortcut={control.shortcut}
      data-plugin={plugin}
      onClick={() => host.run(plugin, () => control.onClick())}
    />
  );
}

interface MenuItemProps {
  icon: string;
  className?: string;
  disabled?: boolean;
  onClick(): void;
  children: ReactNode;
}

const MORE = 'menu-more';

function MenuItem({ icon, className = '', disabled, onClick, children }: MenuItemProps) {
  const act = () => {
    closeMenu(MORE);
    onClick();
  };
  return (
    <button type="button" className={`menu-item ${className}`} disabled={disabled} onClick={act}>
      <Icon name={icon} size={18} /> {children}
    </button>
  );
}

async function copyLink(link: string) {
  try {
    await navigator.clipboard.writeText(link);
    toast(t('The link was copied.'));
  } catch {
    toast(link);
  }
}

function toggleTheme() {
  const root = document.documentElement;
  const system = matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark';
  const next = (root.dataset.theme ?? system) === 'dark' ? 'light' : 'dark';
  root.dataset.theme = next;
  try {
    localStorage.setItem('theme', next);
  } catch {
    // It holds until the page is left.
  }
}

function PluginItems() {
  const { host } = useCall();
  const { registry } = host;
  return usePluginControls('more').map((control) => (
    <MenuItem
      key={control.key}
      icon={registry.safe(control.plugin, () => valueOf(control.icon), 'puzzle')}
      disabled={registry.safe(control.plugin, control.disabled, false)}
      onClick={() => host.run(control.plugin, () => control.onClick())}
    >
      {registry.safe(control.plugin, () => valueOf(control.label), control.id)}
    </MenuItem>
  ));
}

function MoreMenu() {
  const { config, host, view } = useCall();
  const { layout } = useStore(view);
  const full = useIsFull();
  const screen = useScreenShare();
  return (
    <>
      <button type="button" className="ctl" popoverTarget={MORE} aria-label={t('More')} title={t('More')} style={anchor(`--${MORE}`)}>
        <Icon name="ellipsis" />
      </button>
      <div id={MORE} popover="auto" className="menu-list menu-up" style={anchored(`--${MORE}`)}>
        {screen.possible && (
          <MenuItem icon="screen-share" className="narrow-only" disabled={!screen.allowed} onClick={screen.toggle}>
            {screen.label}
          </MenuItem>
        )}
        <PluginItems />
        <MenuItem icon={layout === 'grid' ? 'layout-panel-left' : 'layout-grid'} onClick={() => view.toggleLayout()}>
          {layout === 'grid' ? t('Show the speaker large') : t('Show all equally')}
        </MenuItem>
        {canBeFull() && (
          <MenuItem icon={full ? 'minimize' : 'maximize'} onClick={() => void toggleFullScreen()}>
            {full ? t('Leave full screen') : t('Full screen')}
          </MenuItem>
        )}
        <MenuItem icon="link" onClick={() => void copyLink(config.room.link)}>
          {t('Copy the link')}
        </MenuItem>
        <MenuItem icon="sun" onClick={toggleTheme}>
          {t('Light or dark')}
        </MenuItem>
        <MenuItem icon="settings" onClick={() => view.change({ dialog: 'settings' })}>
          {t('Settings')}
        </MenuItem>
        {host.me.isHost && (
          <MenuItem icon="sliders-horizontal" onClick={() => view.change({ dialog: 'room' })}>
            {t('Room settings')}
          </MenuItem>
        )}
        <MenuItem icon="keyboard" onClick={() => view.change({ dialog: 'shortcuts' })}>
          {t('Keyboard shortcuts')}
        </MenuItem>
      </div>
    </>
  );
}

function LeaveButton() {
  const { host, connection, view } = useCall();
  const leave = () => (host.me.isHost ? view.change({ dialog: 'leave' }) : connection.leave());
  return <IconButton icon="phone-off" label={host.me.isHost ? t('Leave or end') : t('Leave')} className="ctl-danger" onClick={leave} />;
}

function Clock() {
  const time = () => new Date().toLocaleTimeString(language(), { hour: '2-digit', minute: '2-digit' });
  const [shown, setShown] = useState(time);
  useEffect(() => {
    const timer = setInterval(() => setShown(time()), 5000);
    return () => clearInterval(timer);
  }, []);
  return <time className="muted">{shown}</time>;
}

function PeopleButton({ open, onClick }: { open: boolean; onClick(): void }) {
  const people = useStore(useCall().crowd.people);
  const count = people.filter((person) => !person.isAgent).length;
  return <IconButton icon="users" label={t('People')} shortcut="p" badge={count} aria-expanded={open} onClick={onClick} />;
}

function PanelButtons() {
  const { host } = useCall();
  const registry = useRegistry(host.registry);
  const open = registry.openPanel;
  return (
    <div className="bar-side bar-panels" role="group" aria-label={t('Panels')}>
      {registry.visible('panel').map((panel) => (
        <IconButton
          key={panel.key}
          icon={panel.icon}
          label={panel.title}
          shortcut={panel.shortcut}
          badge={registry.safe(panel.plugin, panel.badge, null)}
          aria-expanded={open === panel.key}
          data-plugin={panel.plugin}
          onClick={() => registry.toggle(panel.key)}
        />
      ))}
      <PeopleButton open={open === PEOPLE} onClick={() => registry.toggle(PEOPLE)} />
    </div>
  );
}

export function Bar() {
  const { config } = useCall();
  const controls = usePluginControls('main');
  return (
    <footer className="bar">
      <div className="bar-side bar-title">
        <strong className="truncate">{config.room.title}</strong>
        <Clock />
      </div>
      <div className="bar-main" role="group" aria-label={t('Call controls')}>
        <DeviceButton kind="microphone" />
        <DeviceButton kind="camera" />
        <ScreenButton />
        {controls.map((control) => (
          <PluginControl key={control.key} control={control} />
        ))}
        <MoreMenu />
        <LeaveButton />
      </div>
      <PanelButtons />
    </footer>
  );
}
