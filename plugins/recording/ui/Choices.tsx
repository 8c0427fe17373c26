/** What each person decides about themselves: in the panel while it runs, and in the settings before it does. */
import { useAction } from '@audimax/kit';
import type { Mine, Recording } from './recording';

interface SwitchProps {
  on: boolean;
  blocked: boolean;
  label: string;
  hint: string;
  onChange(on: boolean): void;
}

/** A blocked one keeps the focus: who switches by keyboard must not lose their place while the server answers. */
function Switch({ on, blocked, label, hint, onChange }: SwitchProps) {
  return (
    <label className="check recording-switch">
      <input type="checkbox" role="switch" checked={on} aria-disabled={blocked} onChange={(event) => !blocked && onChange(event.target.checked)} />
      <div>
        {label}
        <span className="hint">{hint}</span>
      </div>
    </label>
  );
}

export function Choices({ recording }: { recording: Recording }) {
  const { t } = recording.room;
  const { busy, run } = useAction(recording.room);
  const { me, camera_allowed: mayShow, is_host: isHost } = recording.standing;
  const choose = (mine: Partial<Mine>, done: string) => void run(() => recording.choose(mine), done);
  if (!recording.known) return <p className="hint">{t('What you have chosen isn’t known at the moment.')}</p>;
  return (
    <div className="stack stack-sm">
      <Switch
        on={!me.recorded}
        blocked={busy}
        label={t('Don’t record me')}
        hint={t('You are neither seen nor heard in the recording. In the room nothing changes.')}
        onChange={(out) => choose({ recorded: !out }, out ? t('You aren’t recorded.') : t('You may be recorded.'))}
      />
      {mayShow && !isHost && (
        <Switch
          on={me.camera && me.recorded}
          blocked={busy || !me.recorded}
          label={t('My camera may be in the recording')}
          hint={t('Otherwise only what you say is in it.')}
          onChange={(camera) => choose({ camera }, camera ? t('Your camera may be in the recording.') : t('Your camera isn’t in the recording.'))}
        />
      )}
    </div>
  );
}
