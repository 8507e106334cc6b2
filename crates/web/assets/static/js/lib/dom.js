// The few things every view does with the page.

/**
 * The element that must be there.
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} type
 * @returns {T}
 */
export function find(root, selector, type) {
  const element = root.querySelector(selector);
  if (element instanceof type) return element;
  throw new Error(`The page has no ${type.name} ${selector}`);
}

/** @param {ParentNode} root @param {string} selector */
export const findHtml = (root, selector) => find(root, selector, HTMLElement);

/**
 * A part of a cloned template, named by `data-part`.
 * @param {ParentNode} root
 * @param {string} name
 */
export const part = (root, name) => find(root, `[data-part="${name}"]`, HTMLElement);

/** A fresh copy of the one element inside a template. @param {string} id @returns {HTMLElement} */
export function clone(id) {
  const content = find(document, `template#${id}`, HTMLTemplateElement).content;
  const copy = content.firstElementChild?.cloneNode(true);
  if (copy instanceof HTMLElement) return copy;
  throw new Error(`The template ${id} is empty`);
}

/**
 * An element with text, and classes if wanted.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} text
 * @param {string} [className]
 */
export function element(tag, text, className = '') {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

const PAUSE = 40;

/**
 * Runs `work` at once when it is asked for, but in a flood only now and then: drawing each of a
 * thousand messages that arrive in a row would stop the page.
 * @param {() => void} work
 */
export function batched(work) {
  let resting = false;
  let asked = false;
  const run = () => {
    asked = false;
    resting = true;
    setTimeout(() => {
      resting = false;
      if (asked) run();
    }, PAUSE);
    work();
  };
  return () => {
    if (!asked && !resting) queueMicrotask(run);
    asked = true;
  };
}

/** Whether typing happens on glass, where Enter breaks the line and focus opens a keyboard. */
export const isTouch = () => matchMedia('(hover: none) and (pointer: coarse)').matches;
