import type {
  DescMessage,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";

/** What is known of a call apart from its message. */
export interface CallContext {
  /** By its name in lower case; `null`: it did not come. */
  readonly header: (name: string) => string | null;
  /** From now on; `null`: as long as it takes. */
  readonly deadlineSeconds: number | null;
  /** Aborted with a coded error when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** Told how many bytes the answer has, before it is made. @throws DEVICE_BUSY if too much is held */
  readonly answering: (bytes: number) => void;
  /** Sent before the answer. */
  readonly reply: (headers: Readonly<Record<string, string>>) => void;
}

type Unary<Input extends DescMessage, Output extends DescMessage> = (
  request: MessageShape<Input>,
  context: CallContext,
) => MessageInitShape<Output> | Promise<MessageInitShape<Output>>;

type Streaming<Input extends DescMessage, Output extends DescMessage> = (
  request: MessageShape<Input>,
  context: Omit<CallContext, "answering">,
) => AsyncIterable<MessageInitShape<Output>>;

/** Those methods of a service that take one message, each as a function. */
export type ServiceMethods<Service extends DescService> = {
  readonly [Name in keyof Service["method"] as Service["method"][Name] extends
    | DescMethodUnary
    | DescMethodServerStreaming
    ? Name
    : never]: Service["method"][Name] extends DescMethodUnary<infer Input, infer Output>
    ? Unary<Input, Output>
    : Service["method"][Name] extends DescMethodServerStreaming<infer Input, infer Output>
      ? Streaming<Input, Output>
      : never;
};
