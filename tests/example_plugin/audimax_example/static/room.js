/** The guest book's button on the room page. */
export default function setup(room) {
  const { html } = room.ui;
  room.addPanel({
    id: 'book',
    title: room.t('Guest book'),
    icon: 'book-open',
    component: () => html`<p>${room.t('Leave a note.')}</p>`,
  });
}
