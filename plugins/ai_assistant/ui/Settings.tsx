/** How captions look on one's own page. */
import { useId } from 'react';
import { SIZES, type Assistant, type Size, type Taste } from './assistant';

export function Settings({ assistant }: { assistant: Assistant }) {
  const { t } = assistant.room;
  const { taste } = assistant;
  const id = useId();
  const sizes: Record<Size, string> = { s: t('Small'), m: t('Medium'), l: t('Large'), xl: t('Very large') };
  return (
    <div className="stack">
      <label className="check">
        <input type="checkbox" checked={taste.shown} onChange={(event) => assistant.prefer({ shown: event.target.checked })} />
        {t('Show captions on my page')}
      </label>
      <div className="field">
        <label htmlFor={`${id}-size`}>{t('Size of the captions')}</label>
        <select id={`${id}-size`} value={taste.size} onChange={(event) => assistant.prefer({ size: event.target.value as Size })}>
          {SIZES.map((size) => (
            <option key={size} value={size}>
              {sizes[size]}
            </option>
          ))}
        </select>
      </div>
      <div className="field">
        <label htmlFor={`${id}-place`}>{t('Place of the captions')}</label>
        <select id={`${id}-place`} value={taste.place} onChange={(event) => assistant.prefer({ place: event.target.value as Taste['place'] })}>
          <option value="below">{t('Below the pictures')}</option>
          <option value="above">{t('Above the pictures')}</option>
        </select>
      </div>
      <label className="check">
        <input type="checkbox" checked={taste.contrast} onChange={(event) => assistant.prefer({ contrast: event.target.checked })} />
        {t('White on black, for more contrast')}
      </label>
    </div>
  );
}
