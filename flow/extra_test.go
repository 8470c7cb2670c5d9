package flow_test
import ("testing";"time";"github.com/troupe-go/troupe/flow")
func BenchmarkWin(b *testing.B) {
	work := spin(2 * time.Microsecond)
	for _, w := range []int{64,128,256,512,2048} {
	b.Run(time.Duration(w).String(), func(b *testing.B) {
		drain(b, flow.Map(flow.FromSeq(numbers(b.N)), work, flow.Parallel(2), flow.Ordered(), flow.Window(w)))
	})
	b.Run("c"+time.Duration(w).String(), func(b *testing.B) {
		drainByChan(b, flow.Map(flow.FromChan(feedChan(b.N)), work, flow.Parallel(2), flow.Ordered(), flow.Window(w)))
	})
	}
}
