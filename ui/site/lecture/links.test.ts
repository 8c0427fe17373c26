import userEvent from '@testing-library/user-event';
import { beforeEach, expect, test, vi } from 'vitest';
import { Links } from './links';
import { openPage, prose, timeline } from './testing';

let page: HTMLElement;

beforeEach(() => {
  page = openPage(prose('Text.'), timeline());
  new Links(page, '<svg></svg>');
});

const focused = () => document.activeElement?.textContent || document.activeElement?.getAttribute('aria-label');

test('Tab comes to one link of the list, then to the button that copies it', async () => {
  const user = userEvent.setup();
  page.querySelector<HTMLElement>('.timeline a')!.focus();
  await user.keyboard('{ArrowDown}{ArrowDown}');
  expect(focused()).toBe('1:00');
  await user.keyboard('{ArrowUp}{End}');
  expect(focused()).toBe('1:02:03');
  await user.keyboard('{ArrowDown}');
  expect(focused()).toBe('1:02:03');
  expect([...page.querySelectorAll<HTMLElement>('.timeline > li > a')].map((one) => one.tabIndex)).toEqual([-1, -1, -1, 0]);
  await user.tab();
  expect(focused()).toBe('Copy the link to 1:02:03');
  await user.keyboard('{Shift>}{Tab}{/Shift}{Home}');
  expect(focused()).toBe('0:01');
});

test('the button copies the address of the moment and says so', async () => {
  const user = userEvent.setup();
  const write = vi.spyOn(navigator.clipboard, 'writeText');
  await user.hover(page.querySelectorAll('.timeline p')[1]);
  await user.click(page.querySelector('.timeline-copy')!);
  expect(write).toHaveBeenCalledWith('http://localhost:3000/lectures/x#t=0:05');
  expect(document.getElementById('toasts')?.textContent).toBe('The link to 0:05 is copied.');
});

test('where nothing can be copied there is another way', async () => {
  const user = userEvent.setup();
  vi.spyOn(navigator.clipboard, 'writeText').mockRejectedValue(new Error('not allowed'));
  await user.hover(page.querySelectorAll('.timeline p')[0]);
  await user.click(page.querySelector('.timeline-copy')!);
  expect(document.getElementById('toasts')?.textContent).toContain('could not be copied');
});

test('whoever is at the button keeps it, wherever the pointer rests', async () => {
  const user = userEvent.setup();
  page.querySelector<HTMLElement>('.timeline a')!.focus();
  const button = page.querySelector<HTMLElement>('.timeline-copy')!;
  button.focus();
  await user.hover(page.querySelectorAll('.timeline p')[2]);
  expect(document.activeElement).toBe(button);
  expect(button.getAttribute('aria-label')).toBe('Copy the link to 0:01');
});
