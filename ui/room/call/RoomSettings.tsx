/** The room form within the call: the same groups, order and words as on the room's page. */
import { useEffect, useLayoutEffect, useRef, useState, type FormEvent, type ReactNode } from 'react';
import type { FormField, FormGroup } from '../api';
import { t } from '../i18n';
import { toast } from '../notices';
import { Dialog, Icon } from '../parts';
import { useCall } from './context';
import { changeOf, draftOf, errorsOf, keyOf, switchOf, type Draft, type Value } from './form';

type Errors = Readonly<Record<string, string>>;

interface FieldProps {
  field: FormField;
  id: string;
  value: Value;
  error?: string;
  onChange(value: Value): void;
}

function Words({ id, help, error }: { id: string; help: string; error?: string }) {
  if (error) {
    return (
      <p className="error" id={id}>
        <Icon name="circle-alert" size={16} /> <span>{error}</span>
      </p>
    );
  }
  return help ? (
    <p className="hint" id={id}>
      {help}
    </p>
  ) : null;
}

function SetByHouse({ id }: { id: string }) {
  return (
    <p className="hint set-by-house" id={id}>
      <Icon name="lock" size={14} /> {t('Set by your institution.')}
    </p>
  );
}

const describedBy = (id: string, words: boolean, locked: boolean | undefined) =>
  [words && `d-${id}`, locked && `h-${id}`].filter(Boolean).join(' ') || undefined;

const aboutOf = ({ field, id, error }: FieldProps) => ({
  'aria-invalid': error ? true : undefined,
  'aria-describedby': describedBy(id, !!(error || field.help), field.locked),
  disabled: field.locked,
});

function Switch(props: FieldProps) {
  const { field, id, value, error, onChange } = props;
  return (
    <div className="check">
      <input type="checkbox" id={id} checked={value === true} {...aboutOf(props)} onChange={(event) => onChange(event.target.checked)} />
      <div>
        <label htmlFor={id}>{field.label}</label>
        <Words id={`d-${id}`} help={field.help} error={error} />
        {field.locked && <SetByHouse id={`h-${id}`} />}
      </div>
    </div>
  );
}

function Choices(props: FieldProps) {
  const { field, id, value, error, onChange } = props;
  const chosen = Array.isArray(value) ? value : [];
  const toggle = (choice: string, on: boolean) => onChange(on ? [...chosen, choice] : chosen.filter((one) => one !== choice));
  return (
    <fieldset className="field" {...aboutOf(props)}>
      <legend>{field.label}</legend>
      {field.choices.map((choice, i) => (
        <label key={choice.value} className="check">
          <input
            type="checkbox"
            id={i === 0 ? id : undefined}
            checked={chosen.includes(choice.value)}
            onChange={(event) => toggle(choice.value, event.target.checked)}
          />
          {choice.label}
        </label>
      ))}
      <Words id={`d-${id}`} help={field.help} error={error} />
      {field.locked && <SetByHouse id={`h-${id}`} />}
    </fieldset>
  );
}

function control(props: FieldProps): ReactNode {
  const { field, id, value, onChange } = props;
  const shared = { id, value: String(value), ...aboutOf(props), onChange: (event: { target: { value: string } }) => onChange(event.target.value) };
  if (field.kind === 'list') return <textarea rows={3} {...shared} />;
  if (field.kind === 'number' || field.kind === 'decimal') {
    const step = field.kind === 'decimal' ? 'any' : undefined;
    return <input type="number" step={step} min={field.minimum} max={field.maximum} {...shared} />;
  }
  if (field.kind !== 'choice') return <input maxLength={field.maximum} {...shared} />;
  return (
    <select {...shared}>
      {field.choices.map((choice) => (
        <option key={choice.value} value={choice.value}>
          {choice.label}
        </option>
      ))}
    </select>
  );
}

function Field(props: FieldProps) {
  const { field, id, error } = props;
  if (field.kind === 'switch') return <Switch {...props} />;
  if (field.kind === 'choices') return <Choices {...props} />;
  return (
    <div className="field">
      <label htmlFor={id}>{field.label}</label>
      {control(props)}
      <Words id={`d-${id}`} help={field.help} error={error} />
      {field.locked && <SetByHouse id={`h-${id}`} />}
    </div>
  );
}

interface GroupProps {
  group: FormGroup;
  draft: Draft;
  errors: Errors;
  onChange(key: string, value: Value): void;
}

const idOf = (key: string) => `rs-${key.replace(/[.:]/g, '-')}`;

function Fields({ group, draft, errors, onChange }: GroupProps) {
  return group.fields.map((field) => {
    const key = keyOf(group.owner, field.name);
    return <Field key={key} field={field} id={idOf(key)} value={draft[key]} error={errors[key]} onChange={(value) => onChange(key, value)} />;
  });
}

function Group(props: GroupProps) {
  const { group, draft, onChange } = props;
  if (group.on === undefined) {
    return (
      <fieldset className="card stack">
        <legend className="sr-only">{group.title}</legend>
        <h3 aria-hidden="true">{group.title}</h3>
        {group.help && <p className="hint">{group.help}</p>}
        <Fields {...props} />
      </fieldset>
    );
  }
  const key = switchOf(group.owner);
  const id = idOf(key);
  return (
    <fieldset className="card stack switched">
      <legend className="sr-only">{group.title}</legend>
      <div className="row spread switch-row">
        <div className="grow">
          <label className="switch-label" htmlFor={id}>
            {group.title}
          </label>
          <Words id={`d-${id}`} help={group.help} />
          {group.on_locked && <SetByHouse id={`h-${id}`} />}
        </div>
        <input
          type="checkbox"
          role="switch"
          id={id}
          checked={draft[key] === true}
          aria-checked={draft[key] === true}
          aria-describedby={describedBy(id, !!group.help, group.on_locked)}
          disabled={group.on_locked}
          onChange={(event) => onChange(key, event.target.checked)}
        />
      </div>
      {group.page && (
        <p className="switched-part">
          <a className="row row-sm" href={group.page} target="_blank" rel="noopener">
            {group.page_title} <Icon name="external-link" size={14} />
            <span className="sr-only">{t('(opens in a new tab)')}</span>
          </a>
        </p>
      )}
      {group.fields.length > 0 && (
        <div className="stack switched-part">
          <Fields {...props} />
        </div>
      )}
    </fieldset>
  );
}

interface LoadedProps {
  groups: FormGroup[];
  /** Somebody wanted to close it with changes that aren't saved. */
  warned: boolean;
  onUnsaved(unsaved: boolean): void;
  onClose(): void;
}

const WRONG = ['input', 'select', 'textarea'].map((tag) => `${tag}[aria-invalid]`).join() + ', fieldset[aria-invalid] input';

function Loaded({ groups, warned, onUnsaved, onClose }: LoadedProps) {
  const { routes } = useCall();
  const [before] = useState(() => draftOf(groups));
  const [draft, setDraft] = useState(before);
  const [errors, setErrors] = useState<Errors>({});
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const change = changeOf(groups, before, draft);
  // The first wrong one, in the order of the page.
  useLayoutEffect(() => {
    if (Object.keys(errors).length) form.current?.querySelector<HTMLElement>(WRONG)?.focus();
  }, [errors]);

  const set = (key: string, value: Value) => {
    const next = { ...draft, [key]: value };
    setDraft(next);
    onUnsaved(changeOf(groups, before, next) !== null);
  };
  const save = async (event: FormEvent) => {
    event.preventDefault();
    if (!change) return onClose();
    setBusy(true);
    setErrors({});
    const answer = await routes.change(change);
    setBusy(false);
    if (answer.status === 'wrong') return setErrors(errorsOf(answer));
    if (answer.status !== 'changed') return setErrors({ '': answer.reason });
    toast(t('The room’s settings are saved. They hold from now on.'));
    onClose();
  };
  return (
    <form ref={form} className="stack" noValidate onSubmit={(event) => void save(event)}>
      {groups.map((group) => (
        <Group key={`${group.owner} ${group.title}`} group={group} draft={draft} errors={errors} onChange={set} />
      ))}
      <div className="dialog-foot">
        {errors[''] && (
          <p className="alert alert-error" role="alert">
            <Icon name="circle-alert" /> <span>{errors['']}</span>
          </p>
        )}
        {warned && change && !errors[''] && (
          <p className="alert alert-warn" role="alert">
            <Icon name="triangle-alert" /> <span>{t('Your changes aren’t saved yet. Save or discard them.')}</span>
          </p>
        )}
        <div className="row">
          <button type="submit" className="btn btn-primary" aria-busy={busy} aria-disabled={busy}>
            {t('Save')}
          </button>
          <button type="button" className="btn btn-ghost" onClick={onClose}>
            {change ? t('Discard changes') : t('Close')}
          </button>
        </div>
      </div>
    </form>
  );
}

type Shown = { name: 'loading' } | { name: 'failed'; reason: string } | { name: 'form'; groups: FormGroup[] };

export function RoomSettings({ onClose }: { onClose(): void }) {
  const { routes } = useCall();
  const [shown, setShown] = useState<Shown>({ name: 'loading' });
  const [tries, setTries] = useState(0);
  const [unsaved, setUnsaved] = useState(false);
  const [warned, setWarned] = useState(false);
  useEffect(() => {
    let over = false;
    void routes.form().then((answer) => {
      if (over) return;
      setShown(answer.status === 'form' ? { name: 'form', groups: answer.groups } : { name: 'failed', reason: answer.reason });
    });
    return () => {
      over = true;
    };
  }, [routes, tries]);
  const again = () => {
    setShown({ name: 'loading' });
    setTries(tries + 1);
  };
  const mayClose = () => {
    setWarned(unsaved);
    return !unsaved;
  };
  return (
    <Dialog title={t('Room settings')} wide mayClose={mayClose} onClose={onClose}>
      {shown.name === 'loading' && (
        <p className="row row-sm muted" role="status">
          <span className="spinner" aria-hidden="true" /> {t('Loading the settings…')}
        </p>
      )}
      {shown.name === 'failed' && (
        <div className="stack">
          <p className="alert alert-error" role="alert">
            <Icon name="circle-alert" /> <span>{shown.reason}</span>
          </p>
          <div>
            <button type="button" className="btn" onClick={again}>
              {t('Try again')}
            </button>
          </div>
        </div>
      )}
      {shown.name === 'form' && <Loaded groups={shown.groups} warned={warned} onUnsaved={setUnsaved} onClose={onClose} />}
    </Dialog>
  );
}
