package main

import (
	"context"
	"net/rpc"
	"os"
	"os/exec"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// The same function as a plugin of hashicorp/go-plugin, over both of its protocols. The plugin
// is this program, as a worker of osproc is.

var handshake = plugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: "BENCH_IPC_PLUGIN", MagicCookieValue: "double"}

// plugins are the plugins by protocol. They do not mix: a set speaks gRPC only if all do.
var plugins = map[string]plugin.PluginSet{
	"netrpc": {"netrpc": &rpcPlugin{}},
	"grpc":   {"grpc": &grpcPlugin{}},
}

// servePlugin serves, and does not return, if this process is a plugin.
func servePlugin() {
	if os.Getenv(handshake.MagicCookieKey) == "" || len(os.Args) < 2 {
		return
	}
	cfg := &plugin.ServeConfig{HandshakeConfig: handshake, Plugins: plugins[os.Args[1]], Logger: hclog.NewNullLogger()}
	if os.Args[1] == "grpc" {
		cfg.GRPCServer = plugin.DefaultGRPCServer
	}
	plugin.Serve(cfg)
	os.Exit(0)
}

// pluginDouble starts the plugin when it is first asked for.
func pluginDouble(protocol string) (open func() (caller, error), end func()) {
	var client *plugin.Client
	open = sync.OnceValues(func() (caller, error) {
		client = plugin.NewClient(&plugin.ClientConfig{
			HandshakeConfig:  handshake,
			Plugins:          plugins[protocol],
			Cmd:              exec.Command("/proc/self/exe", protocol),
			AllowedProtocols: []plugin.Protocol{plugin.ProtocolNetRPC, plugin.ProtocolGRPC},
			Logger:           hclog.NewNullLogger(),
		})
		c, err := client.Client()
		if err != nil {
			return nil, err
		}
		raw, err := c.Dispense(protocol)
		if err != nil {
			return nil, err
		}
		return raw.(caller), nil
	})
	return open, func() {
		if client != nil {
			client.Kill()
		}
	}
}

// Over net/rpc.

type rpcPlugin struct{}

type rpcServer struct{}

func (rpcServer) Double(n int, result *int) error { //nolint:unparam // net/rpc wants it so
	*result = 2 * n
	return nil
}

func (*rpcPlugin) Server(*plugin.MuxBroker) (any, error) { return rpcServer{}, nil }

func (*rpcPlugin) Client(_ *plugin.MuxBroker, c *rpc.Client) (any, error) {
	return caller(func(_ context.Context, n int) (result int, err error) {
		err = c.Call("Plugin.Double", n, &result)
		return result, err
	}), nil
}

// Over gRPC, with messages that come with protobuf.

type grpcPlugin struct{ plugin.NetRPCUnsupportedPlugin }

func (*grpcPlugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error { //nolint:unparam // the interface wants it so
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: "bench.Double",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Double", Handler: handleDouble}},
	}, struct{}{})
	return nil
}

func handleDouble(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	in := new(wrapperspb.Int64Value)
	if err := decode(in); err != nil {
		return nil, err
	}
	return wrapperspb.Int64(2 * in.Value), nil
}

func (*grpcPlugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, c *grpc.ClientConn) (any, error) { //nolint:unparam // the interface wants it so
	return caller(func(ctx context.Context, n int) (int, error) {
		out := new(wrapperspb.Int64Value)
		err := c.Invoke(ctx, "/bench.Double/Double", wrapperspb.Int64(int64(n)), out)
		return int(out.Value), err
	}), nil
}
