/** A file on its way, for the panels of plugins. */
import { useEffect, useReducer, useRef } from 'react';
import { t } from './i18n';
import { IconButton } from './parts';
import type { Upload, UploadRowProps } from './sdk';
import { formatRest, formatSize } from './sizes';

/** Drawn again with every change of it. */
function useChanges(upload: Upload) {
  const [, draw] = useReducer((times: number) => times + 1, 0);
  useEffect(() => upload.onChange(draw), [upload]);
}

function sendingWords({ sent, size, speed }: Upload): string {
  const words = [t('{sent} of {size}', { sent: formatSize(sent), size: formatSize(size) })];
  if (speed > 0) words.push(t('{size}/s', { size: formatSize(speed) }), formatRest((size - sent) / speed));
  return words.join(' · ');
}

function stateWords(upload: Upload): string {
  if (upload.message) return upload.message;
  switch (upload.state) {
    case 'waiting':
      return t('Waits for the others · {size}', { size: formatSize(upload.size) });
    case 'sending':
      return sendingWords(upload);
    case 'checking':
      return t('The server checks it…');
    case 'done':
      return formatSize(upload.size);
    default:
      return t('Cancelled');
  }
}

/** The last one stays where it is in every state, and with it the focus. */
function Buttons({ upload, onClose }: UploadRowProps) {
  const close = useRef<HTMLButtonElement>(null);
  const { name, state } = upload;
  const over = state === 'failed' || state === 'cancelled';
  if (state === 'done') return null;
  const retry = () => {
    close.current?.focus();
    upload.retry();
  };
  const stop = () => {
    upload.cancel();
    if (over) onClose();
  };
  const label = over ? t('Take {name} off the list', { name }) : t('Cancel the upload of {name}', { name });
  return (
    <div className="upload-buttons">
      {over && <IconButton icon="rotate-ccw" label={t('Try to upload {name} again', { name })} className="ctl-small" onClick={retry} />}
      <IconButton key="close" ref={close} icon="x" label={label} className="ctl-small" onClick={stop} />
    </div>
  );
}

export function UploadRow({ upload, onClose }: UploadRowProps) {
  useChanges(upload);
  const { name, size, sent, state } = upload;
  const moves = state === 'waiting' || state === 'sending' || state === 'checking';
  return (
    <div className="upload" data-state={state}>
      <span className="upload-name truncate" title={name}>
        {name}
      </span>
      <Buttons upload={upload} onClose={onClose} />
      {moves && <progress aria-label={name} max={size || 1} value={state === 'checking' ? undefined : sent} />}
      <span className="upload-words hint" role={state === 'failed' ? 'alert' : undefined}>
        {stateWords(upload)}
      </span>
    </div>
  );
}
