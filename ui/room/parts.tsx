/** Small pieces that every screen of the room uses. */
import { useEffect, useLayoutEffect, useRef, type ButtonHTMLAttributes, type ReactNode, type Ref } from 'react';
import { t } from './i18n';
import { announced, dismiss, notices } from './notices';
import { useStore } from './store';

let sprite = '/static/dist/icons.svg';
export const setSprite = (address: string) => {
  sprite = address;
};

/** A name from the sprite, or the address of an SVG file that a plugin brings along. */
export function Icon({ name, size = 20 }: { name: string; size?: number }) {
  const style = { width: size, height: size };
  if (name.includes('/')) {
    const mask = `url("${encodeURI(name)}") center / contain no-repeat`;
    return <span className="icon icon-mask" aria-hidden="true" style={{ ...style, mask }} />;
  }
  return (
    <svg className="icon" style={style} aria-hidden="true">
      <use href={`${sprite}#${name}`} />
    </svg>
  );
}

export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const letters = [words[0], words.length > 1 ? words[words.length - 1] : ''];
  return letters.map((word) => [...(word ?? '')][0] ?? '').join('').toUpperCase();
}

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement>;

export interface IconButtonProps extends ButtonProps {
  icon: string;
  label: string;
  pressed?: boolean;
  badge?: string | number | null;
  shortcut?: string;
  ref?: Ref<HTMLButtonElement>;
}

export function IconButton({ icon, label, pressed, badge, shortcut, className = '', ...rest }: IconButtonProps) {
  const title = shortcut ? `${label} (${shortcut.toUpperCase()})` : label;
  const hasBadge = badge !== null && badge !== undefined && badge !== '';
  return (
    <button
      type="button"
      className={`ctl ${className}`}
      aria-pressed={pressed}
      aria-keyshortcuts={shortcut}
      title={title}
      {...rest}
    >
      <Icon name={icon} />
      <span className="sr-only">{label}</span>
      {hasBadge && <span className="ctl-badge">{badge}</span>}
    </button>
  );
}

interface DialogProps {
  title: string;
  wide?: boolean;
  /** Asked before it closes by Escape or its own button. */
  mayClose?: () => boolean;
  onClose(): void;
  children: ReactNode;
}

/** The browser's own modal dialog: it keeps the focus inside and closes with Escape. */
export function Dialog({ title, wide, mayClose = () => true, onClose, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  // Closed, not only taken away, the browser gives the focus back to where it was.
  useLayoutEffect(() => {
    const dialog = ref.current;
    if (dialog && !dialog.open) dialog.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      className={wide ? 'dialog dialog-wide' : 'dialog'}
      aria-labelledby="dialog-title"
      onClose={onClose}
      onCancel={(event) => {
        if (!mayClose()) event.preventDefault();
      }}
    >
      <header className="dialog-head">
        <h2 id="dialog-title">{title}</h2>
        <IconButton icon="x" label={t('Close')} className="ctl-small" onClick={() => mayClose() && ref.current?.close()} />
      </header>
      {children}
    </dialog>
  );
}

export function Notices() {
  const shown = useStore(notices);
  const spoken = useStore(announced);
  return (
    <>
      <div id="toasts" role="status">
        {shown.map((notice) => (
          <div key={notice.id} className={`toast toast-${notice.kind}`}>
            <span>{notice.text}</span>
            <button type="button" className="toast-close" aria-label={t('Dismiss')} onClick={() => dismiss(notice.id)}>
              <Icon name="x" size={16} />
            </button>
          </div>
        ))}
      </div>
      <div className="sr-only" role="status">
        {spoken}
      </div>
    </>
  );
}

/** A calm page with one message and what can be done. */
export function Message({ icon, title, children }: { icon: string; title: string; children?: ReactNode }) {
  const ref = useRef<HTMLHeadingElement>(null);
  useEffect(() => ref.current?.focus(), []);
  return (
    <main className="message">
      <span className="message-icon">
        <Icon name={icon} size={28} />
      </span>
      <h1 ref={ref} tabIndex={-1}>
        {title}
      </h1>
      {children}
    </main>
  );
}

export function Loading({ words, onCancel }: { words: string; onCancel?: () => void }) {
  return (
    <main className="message">
      <span className="spinner spinner-large" aria-hidden="true" />
      <p role="status">{words}</p>
      {onCancel && (
        <button type="button" className="btn btn-ghost" onClick={onCancel}>
          {t('Cancel')}
        </button>
      )}
    </main>
  );
}
