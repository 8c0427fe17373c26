/** Amounts as people read them, in the language of the page. */
import { language, t } from './i18n';

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const;

function amount(value: number, unit: string): string {
  const digits = unit === 'byte' || value >= 100 ? 0 : 1;
  return new Intl.NumberFormat(language(), { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: digits }).format(value);
}

/** In thousands, as the server's pages say it. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return amount(value, UNITS[unit]);
}

/** Roughly: the last second of an upload is nobody's concern. */
export function formatRest(seconds: number): string {
  if (seconds < 60) return t('{seconds} s left', { seconds: Math.max(1, Math.round(seconds)) });
  if (seconds < 3600) return t('{minutes} min left', { minutes: Math.round(seconds / 60) });
  return t('more than an hour left');
}
