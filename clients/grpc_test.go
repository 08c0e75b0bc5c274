//go:build clients

package clients_test

import (
	"context"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// A stock gRPC client makes calls of one answer and of a stream, over TLS and without, and sees the upstream's own
// status: it comes in trailers.
func TestGRPC(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	upstream, checks := grpc.NewServer(), health.NewServer()
	healthpb.RegisterHealthServer(upstream, checks)
	checks.SetServingStatus("orders", healthpb.HealthCheckResponse_SERVING)
	go func() { _ = upstream.Serve(l) }()
	defer upstream.Stop()
	s := serve(t, clientYAML+`  - {name: health, path: /grpc.health.v1.Health, upstream: 'http://`+l.Addr().String()+`', http2: true, auth: [bearer], scopes: [read]}`)
	secure, err := credentials.NewClientTLSFromFile(s.ca, "localhost")
	if err != nil {
		t.Fatal(err)
	}
	token := s.token(t)
	for name, to := range map[string]struct {
		addr string
		by   credentials.TransportCredentials
	}{"TLS": {s.secure, secure}, "plain": {s.plain, insecure.NewCredentials()}} {
		t.Run(name, func(t *testing.T) {
			conn, err := grpc.NewClient("passthrough:///"+to.addr, grpc.WithTransportCredentials(to.by))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			client := healthpb.NewHealthClient(conn)
			ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token), 20*time.Second)
			defer cancel()
			got, err := client.Check(ctx, &healthpb.HealthCheckRequest{Service: "orders"})
			if err != nil || got.Status != healthpb.HealthCheckResponse_SERVING {
				t.Fatalf("check: %v, %v", got, err)
			}
			if _, err := client.Check(ctx, &healthpb.HealthCheckRequest{Service: "nobody"}); status.Code(err) != codes.NotFound {
				t.Errorf("unknown service: %v, want the upstream's NotFound", err)
			}
			if _, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: "orders"}); status.Code(err) != codes.Unauthenticated {
				t.Errorf("without a token: %v, want Unauthenticated", err)
			}
			watch, err := client.Watch(ctx, &healthpb.HealthCheckRequest{Service: "orders"})
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range []healthpb.HealthCheckResponse_ServingStatus{1, 2, 1} {
				if i > 0 {
					checks.SetServingStatus("orders", want)
				}
				if got, err := watch.Recv(); err != nil || got.Status != want {
					t.Fatalf("piece %d of the stream: %v, %v", i, got, err)
				}
			}
		})
	}
}
