/** Stable codes of the errors that this package throws. */
export type ErrorCode =
  | 'ERR_LATINO_ARGUMENT'
  | 'ERR_LATINO_SHAPE'
  | 'ERR_LATINO_IMAGE'
  | 'ERR_LATINO_OPERATOR'
  | 'ERR_LATINO_MODEL'
  | 'ERR_LATINO_EMBEDDING'
  | 'ERR_LATINO_DEVICE'
  | 'ERR_LATINO_DEVICE_MEMORY'
  | 'ERR_LATINO_CONVERGENCE'
  | 'ERR_LATINO_NUMERIC'
  | 'ERR_LATINO_CANCELLED'
  | 'ERR_LATINO_RUNTIME'
  | 'ERR_LATINO_DISPOSED'
  | 'ERR_LATINO_BUSY'
  | 'ERR_LATINO_INCOMPLETE'
  | 'ERR_LATINO_OUTPUT'
  | 'ERR_LATINO_QUEUE'
  | 'ERR_LATINO_DOWNLOAD'
  | 'ERR_LATINO_SERVICE'
  | 'ERR_LATINO_ADDON';

/** An error with a stable `code` and a message that says what was wrong and what was expected. */
export class LatinoError extends Error {
  override readonly name = 'LatinoError';
  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
