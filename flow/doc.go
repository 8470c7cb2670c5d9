// Package flow is streams with types: pipelines of stages over slices, iterators, channels and
// generators, with back-pressure, parallel stages and errors, and nothing left running when
// they end. It is built on package csp, knows nothing of processes and can be used alone.
//
// # Words
//
// A [Stream] describes a flow of items; it runs when it is consumed: by a loop over
// [Stream.All], by [Stream.Collect], [Stream.Chan], [Stream.SendTo], [ForEach], [Reduce] or
// [MapReduce]. A stage is one step of it, made by a function of this package from the stream
// before it (upstream) to the one after it (downstream). A source is a stream's beginning.
//
// The function of a stage has the shape
//
//	func(ctx context.Context, item A) (B, error)
//
// so that anything of that shape plugs in: a method, a query, a call of another program. Its
// context ends when the stream ends. [Skip] as its error means that this item has no result.
// [Retry] and [OnError] make such a function of such a function.
//
// # Goroutines
//
// A stage without options runs on the goroutine of the consumer, as a plain loop would, and
// pulls nothing ahead of time. A stage with [Parallel] has workers, and one goroutine that runs
// what is upstream of it. Other stages that need a goroutine say so. When the consuming loop is
// left, by whatever way (return, break, panic, the end of its context), all goroutines of the
// stream are told to end, by their context, and waited for. A function that does not heed its
// context is waited for too.
//
// # Order and window
//
// Results of a parallel stage leave it as they become ready or, with [Ordered], in the order of
// their items. Its window is how many items it may hold; see [Window]. In an ordered stage, the
// window is how far the other workers may get ahead of a slow item. Cheap items travel in
// chunks, whose size adapts to the time that items take; an item never waits for a chunk to
// fill.
//
// # Errors
//
// The first error ends a stream: an error that a stage's function returns, a panic in it (as
// [*csp.PanicError]), an error of a source, the end of the context (its cause). What comes
// before the error, in an ordered stage all results of the items before, is delivered; then the
// error, once. [Catch] goes on after an error with another stream.
//
// # Looking in
//
// A [Monitor] tells, while a flow runs, what each stage has taken and given, what it holds and
// what it waits for, names the bottleneck, and can pause the flow.
package flow
