/** `<ranked-list>`: a few images that stand out, each with what makes it so; a name that is pressed asks for its picture (`open`). */
class RankedList extends HTMLElement {
  /** @param {readonly { name: string, value: string, bad?: boolean }[]} items */
  show(items) {
    const list = Object.assign(document.createElement('ol'), { className: 'ranked' });
    list.append(
      ...items.map(({ name, value, bad }, index) => {
        const opener = Object.assign(document.createElement('button'), { type: 'button', className: 'link', textContent: name });
        opener.addEventListener('click', () => this.dispatchEvent(new CustomEvent('open', { detail: index })));
        const item = document.createElement('li');
        item.append(opener, Object.assign(document.createElement('span'), { className: bad ? 'value bad' : 'value', textContent: value }));
        return item;
      }),
    );
    this.replaceChildren(list);
  }
}

customElements.define('ranked-list', RankedList);
