/** How one looks and sounds before going in. */
import { useEffect, useRef, useState } from 'react';
import { choices, choose } from './choices';
import { t } from './i18n';
import { Preview, problemWords, type Kind, type PreviewState } from './media';
import { Icon, IconButton, initials } from './parts';
import { useStore } from './store';

function usePreview(): PreviewState {
  const [preview] = useState(() => new Preview());
  const chosen = useStore(choices);
  useEffect(() => void preview.want(chosen), [preview, chosen]);
  useEffect(() => () => preview.close(), [preview]);
  return useStore(preview.state);
}

function Picture({ track }: { track: MediaStreamTrack }) {
  const ref = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (ref.current) ref.current.srcObject = new MediaStream([track]);
  }, [track]);
  return <video ref={ref} autoPlay playsInline muted />;
}

function peak(samples: Uint8Array<ArrayBuffer>): number {
  let highest = 0;
  for (const sample of samples) highest = Math.max(highest, Math.abs(sample - 128));
  return highest / 128;
}

/** Calls back with the loudness (0 to 1) of every frame; the answer stops it. */
function listen(track: MediaStreamTrack, onLevel: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Uint8Array(analyser.fftSize);
  let smooth = 0;
  let frame = 0;
  const draw = () => {
    analyser.getByteTimeDomainData(samples);
    smooth = Math.max(peak(samples), smooth * 0.9);
    onLevel(Math.min(1, smooth * 1.6));
    frame = requestAnimationFrame(draw);
  };
  draw();
  return () => {
    cancelAnimationFrame(frame);
    void context.close();
  };
}

function Level({ track }: { track: MediaStreamTrack | null }) {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const meter = ref.current;
    if (!track || !meter || typeof AudioContext === 'undefined') return;
    return listen(track, (level) => {
      meter.style.setProperty('--level', String(level));
      meter.ariaValueNow = String(Math.round(level * 100));
    });
  }, [track]);
  return (
    <div
      ref={ref}
      className="level"
      role="meter"
      aria-label={t('Microphone level')}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={0}
    />
  );
}

function Picker({ kind, state }: { kind: Kind; state: PreviewState }) {
  const chosen = useStore(choices);
  const type = kind === 'microphone' ? 'audioinput' : 'videoinput';
  const devices = state.devices.filter((device) => device.kind === type && device.label);
  const id = `choose-${kind}`;
  if (!devices.length) return null;
  const current = state[kind]?.getSettings().deviceId ?? chosen[`${kind}Id`];
  const known = devices.some((device) => device.deviceId === current);
  return (
    <div className="field">
      <label htmlFor={id}>{kind === 'microphone' ? t('Microphone') : t('Camera')}</label>
      <select
        id={id}
        value={known ? current : devices[0].deviceId}
        onChange={(event) => choose({ [`${kind}Id`]: event.target.value, [kind]: true })}
      >
        {devices.map((device) => (
          <option key={device.deviceId} value={device.deviceId}>
            {device.label}
          </option>
        ))}
      </select>
    </div>
  );
}

function Problems({ state }: { state: PreviewState }) {
  const kinds = (['microphone', 'camera'] as const).filter((kind) => state.problems[kind]);
  return (
    <div className="preview-problems" role="status">
      {kinds.map((kind) => (
        <p key={kind} className="alert alert-warn">
          <Icon name={kind === 'microphone' ? 'mic-off' : 'video-off'} /> <span>{problemWords(kind, state.problems[kind]!)}</span>
        </p>
      ))}
    </div>
  );
}

function cameraWords(state: PreviewState, wanted: boolean): string {
  if (state.problems.camera) return t('No picture');
  if (wanted && state.opening) return t('Starting the camera…');
  return t('Your camera is off');
}

export function PreviewPanel({ name }: { name: string }) {
  const state = usePreview();
  const chosen = useStore(choices);
  return (
    <section className="preview" aria-label={t('Camera and microphone')}>
      <div className="preview-picture">
        {state.camera ? (
          <Picture track={state.camera} />
        ) : (
          <div className="preview-off">
            <span className="avatar">{initials(name) || <Icon name="user-round" size={32} />}</span>
            {cameraWords(state, chosen.camera)}
          </div>
        )}
        <div className="preview-bar">
          <IconButton
            icon={chosen.microphone ? 'mic' : 'mic-off'}
            label={chosen.microphone ? t('Turn microphone off') : t('Turn microphone on')}
            className={chosen.microphone ? 'ctl-glass' : 'ctl-off'}
            onClick={() => choose({ microphone: !chosen.microphone })}
          />
          <IconButton
            icon={chosen.camera ? 'video' : 'video-off'}
            label={chosen.camera ? t('Turn camera off') : t('Turn camera on')}
            className={chosen.camera ? 'ctl-glass' : 'ctl-off'}
            onClick={() => choose({ camera: !chosen.camera })}
          />
          {chosen.microphone && <Level track={state.microphone} />}
        </div>
      </div>
      <Problems state={state} />
      <div className="preview-devices">
        {chosen.microphone && <Picker kind="microphone" state={state} />}
        {chosen.camera && <Picker kind="camera" state={state} />}
      </div>
    </section>
  );
}
