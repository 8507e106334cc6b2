// For views that are loaded when they are wanted: their style, and the page's icons.

/** Adds a style of this version of the page. @param {string} name @returns {Promise<void>} */
export function loadStyle(name) {
  const link = document.createElement('link');
  link.rel = 'stylesheet';
  link.href = new URL(`../../css/${name}.css`, import.meta.url).href;
  document.head.append(link);
  return new Promise((resolve) => {
    link.onload = link.onerror = () => resolve();
  });
}

/** Icons that the page itself has no need of. @type {Record<string, string>} */
const PATHS = {
  reply: 'm10 6-6 6 6 6M4.5 12H14a6 6 0 0 1 6 6v1',
  copy: 'M9 9h10v11H9zM5 15V4h10',
  delete: 'M5 7h14M10 7V4h4v3m-7 0 1 13h8l1-13',
  plus: 'M12 5v14M5 12h14',
  file: 'M6 3h8l4 4v14H6zM14 3v4h4',
};

/** @param {string} name */
export function icon(name) {
  const svg = svgElement('svg', { class: 'icon', 'aria-hidden': 'true', viewBox: '0 0 24 24' });
  svg.append(name in PATHS ? svgElement('path', { d: PATHS[name] }) : svgElement('use', { href: `#i-${name}` }));
  return svg;
}

/** @param {string} tag @param {Record<string, string>} attributes */
function svgElement(tag, attributes) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
