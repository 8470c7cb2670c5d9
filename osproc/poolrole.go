package osproc
import ("github.com/troupe-go/troupe/internal/wire"; "github.com/troupe-go/troupe/osproc/internal/child")
type poolWorker struct{}
func servePool(w *child.Worker, body *wire.Decoder) {}
func (f *Func[A, R]) servePool(w *poolWorker) {}
