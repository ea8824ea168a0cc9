/** A dense matrix of numbers, row by row. */
export class Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly #values: Float64Array;

  /** Every element starts as `initial`. */
  constructor(rows: number, columns: number, initial = 0) {
    this.rows = rows;
    this.columns = columns;
    this.#values = new Float64Array(rows * columns).fill(initial);
  }

  static from(rows: readonly (readonly number[])[]): Matrix {
    const matrix = new Matrix(rows.length, rows[0]?.length ?? 0);
    rows.forEach((row, index) => {
      matrix.#values.set(row, index * matrix.columns);
    });
    return matrix;
  }

  get(row: number, column: number): number {
    return this.#values[row * this.columns + column] as number;
  }

  set(row: number, column: number, value: number): void {
    this.#values[row * this.columns + column] = value;
  }
}
