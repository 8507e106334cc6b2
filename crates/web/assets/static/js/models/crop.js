// Which square of an image is shown: in its middle at first, moved and enlarged from there.

/** How much of the image's shorter edge the smallest square has. */
const CLOSEST = 4;

export class Crop {
  /** @param {number} width @param {number} height of the image, in pixels */
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.zoom = 1;
    [this.x, this.y] = [width / 2, height / 2];
  }

  /** Pixels along an edge of the square. */
  get edge() {
    return Math.min(this.width, this.height) / this.zoom;
  }

  get left() {
    return this.x - this.edge / 2;
  }

  get top() {
    return this.y - this.edge / 2;
  }

  /** @param {number} zoom 1 to 4 */
  enlarge(zoom) {
    this.zoom = Math.min(Math.max(zoom, 1), CLOSEST);
    this.move(0, 0);
  }

  /** Never beyond the image. @param {number} right @param {number} down in edges of the square */
  move(right, down) {
    const within = (/** @type {number} */ at, /** @type {number} */ length) =>
      Math.min(Math.max(at, this.edge / 2), length - this.edge / 2);
    this.x = within(this.x + right * this.edge, this.width);
    this.y = within(this.y + down * this.edge, this.height);
  }
}
