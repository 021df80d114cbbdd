/**
 * One request and its whole answer, in memory: what nearly every call is. The bytes are collected as they come, without
 * the stream that `undici.request` makes of each answer, which costs more than all else of a small one.
 */
import type { Dispatcher } from 'undici';

export interface Answer {
  readonly code: number;
  readonly headers: AnswerHeaders;
  /** '' where the body was not wanted. */
  readonly text: string;
}

type AnswerHeaders = Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>[2];

export interface Ask extends Dispatcher.DispatchOptions {
  readonly signal?: AbortSignal | undefined;
  /** Of an answer below 400 only code and headers are wanted. */
  readonly unread?: boolean | undefined;
}

/** Rejects with what broke the connection, or the reason of the signal. */
export function ask(dispatcher: Dispatcher, options: Ask): Promise<Answer> {
  const { signal, unread, ...request } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    dispatcher.dispatch(request, new Collector(resolve, reject, signal, unread === true));
  });
}

class Collector implements Dispatcher.DispatchHandler {
  private controller: Dispatcher.DispatchController | undefined;
  private code = 0;
  private headers: AnswerHeaders = {};
  private readonly parts: Buffer[] = [];
  private ended = false;
  private readonly onAbort = (): void => this.abort();

  constructor(
    private readonly resolve: (answer: Answer) => void,
    private readonly reject: (err: unknown) => void,
    private readonly signal: AbortSignal | undefined,
    private readonly unread: boolean,
  ) {
    signal?.addEventListener('abort', this.onAbort, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.ended) controller.abort(this.reason());
  }

  onResponseStart(_: Dispatcher.DispatchController, code: number, headers: AnswerHeaders): void {
    // What comes before the answer proper (1xx) says nothing here.
    if (code < 200) return;
    this.code = code;
    this.headers = headers;
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.unread || this.code >= 400) this.parts.push(chunk);
  }

  onResponseEnd(): void {
    const [first] = this.parts;
    const body = this.parts.length === 1 && first ? first : Buffer.concat(this.parts);
    const text = body.toString('utf8');
    this.settle(() => this.resolve({ code: this.code, headers: this.headers, text }));
  }

  onResponseError(_: Dispatcher.DispatchController, err: Error): void {
    this.settle(() => this.reject(err));
  }

  /** The caller need not wait for a request that stands in a queue. */
  private abort(): void {
    this.settle(() => this.reject(this.reason()));
    this.controller?.abort(this.reason());
  }

  private reason(): Error {
    const reason: unknown = this.signal?.reason;
    return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
  }

  private settle(how: () => void): void {
    if (this.ended) return;
    this.ended = true;
    this.signal?.removeEventListener('abort', this.onAbort);
    how();
  }
}
