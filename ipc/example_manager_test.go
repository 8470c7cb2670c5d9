//go:build linux || darwin

package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/troupe-go/troupe/ipc"
)

// A manager keeps things for programs that share no memory. Here both sides are in one process.
func ExampleManager() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	m := ipc.NewManager()
	defer m.Close()
	key := ipc.NewKey()
	l, err := ipc.Listen("tcp", "127.0.0.1:0", ipc.ConnConfig{Key: key})
	if err != nil {
		log.Fatal(err)
	}
	go m.Serve(ctx, l)

	// In another process:
	there, err := ipc.DialManager(ctx, "tcp", l.Addr().String(), ipc.ConnConfig{Key: key})
	if err != nil {
		log.Fatal(err)
	}
	defer there.Close()
	stock, err := ipc.OpenMap[string, int](ctx, there, "stock")
	if err != nil {
		log.Fatal(err)
	}
	if err := stock.Set(ctx, "apples", 3); err != nil {
		log.Fatal(err)
	}

	// Here:
	same, err := ipc.OpenMap[string, int](ctx, m, "stock")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(same.Update(ctx, "apples", func(n int, _ bool) int { return n + 1 }))
	fmt.Println(m.Names(ctx))
	// Output:
	// 4 <nil>
	// [stock] <nil>
}

func ExampleOpenVariable() {
	ctx := context.Background()
	m := ipc.NewManager()
	defer m.Close()
	best, err := ipc.OpenVariable(ctx, m, "best", 10)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(best.Update(ctx, func(now int) int { return max(now, 12) }))
	fmt.Println(best.Load(ctx))
	// Output:
	// 12 <nil>
	// 12 <nil>
}

func ExampleOpenList() {
	ctx := context.Background()
	m := ipc.NewManager()
	defer m.Close()
	l, err := ipc.OpenList[string](ctx, m, "log")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(l.Append(ctx, "one", "two", "three"))
	fmt.Println(l.Remove(ctx, 0))
	_, err = l.Get(ctx, 7)
	fmt.Println(errors.Is(err, ipc.ErrNotFound))
	fmt.Println(l.Copy(ctx))
	// Output:
	// 3 <nil>
	// one <nil>
	// true
	// [two three] <nil>
}

// An account is a type of the program's own.
type account struct{ balance int }

var errOverdrawn = errors.New("overdrawn")

func openAccount(_ context.Context, balance int) (*account, error) {
	return &account{balance: balance}, nil
}

// Withdraw takes money out. Several goroutines may call methods at the same time; this example
// has only one.
func (a *account) Withdraw(_ context.Context, n int) (int, error) {
	if n > a.balance {
		return a.balance, errOverdrawn
	}
	a.balance -= n
	return a.balance, nil
}

var (
	accounts = ipc.RegisterClass("account", openAccount)
	withdraw = ipc.RegisterMethod(accounts, "Withdraw", (*account).Withdraw)
)

func init() { ipc.RegisterError("overdrawn", errOverdrawn) }

// The object is in the manager's process, whoever calls its methods.
func ExampleRegisterClass() {
	ctx := context.Background()
	m := ipc.NewManager()
	defer m.Close()
	a, err := accounts.Open(ctx, m, "mine", 100)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(withdraw.Call(ctx, a, 30))
	_, err = withdraw.Call(ctx, a, 300)
	fmt.Println(errors.Is(err, errOverdrawn))
	// Output:
	// 70 <nil>
	// true
}
