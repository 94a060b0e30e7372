// The server's Election service and the client's own recipe hold one election.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3election/v3electionpb"
	"google.golang.org/grpc/status"
)

const name = "/service-election"

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	client, err := clientv3.New(clientv3.Config{Endpoints: os.Args[1:2], DialTimeout: 5 * time.Second})
	check(err)
	defer client.Close()
	elections := v3electionpb.NewElectionClient(client.ActiveConnection())
	session, err := concurrency.NewSession(client)
	check(err)
	defer session.Close()
	election := concurrency.NewElection(session, name)

	_, err = elections.Leader(ctx, &v3electionpb.LeaderRequest{Name: []byte(name)})
	told("no leader", err)
	_, err = elections.Proclaim(ctx, &v3electionpb.ProclaimRequest{Value: []byte("x")})
	told("nobody", err)

	// Two observers, one of each kind, are to hear the same.
	stream, err := elections.Observe(ctx, &v3electionpb.LeaderRequest{Name: []byte(name)})
	check(err)
	heard := election.Observe(ctx)
	hear := func() {
		theirs, err := stream.Recv()
		check(err)
		ours := <-heard
		fmt.Printf("server hears %s, client hears %s\n", theirs.Kv.Value, ours.Kvs[0].Value)
	}

	won, err := elections.Campaign(ctx, &v3electionpb.CampaignRequest{Name: []byte(name), Value: []byte("server")})
	check(err)
	hear()
	fmt.Printf("key of the lease: %v\n", string(won.Leader.Key) == fmt.Sprintf("%s/%x", name, won.Leader.Lease))
	campaigned := make(chan error, 1)
	go func() { campaigned <- election.Campaign(ctx, "client") }()
	waitFor(ctx, client, 2)
	_, err = elections.Proclaim(ctx, &v3electionpb.ProclaimRequest{Leader: won.Leader, Value: []byte("server again")})
	check(err)
	hear()
	_, err = elections.Resign(ctx, &v3electionpb.ResignRequest{Leader: won.Leader})
	check(err)
	check(<-campaigned)
	hear()
	_, err = elections.Proclaim(ctx, &v3electionpb.ProclaimRequest{Leader: won.Leader, Value: []byte("too late")})
	told("too late", err)
	leader, err := elections.Leader(ctx, &v3electionpb.LeaderRequest{Name: []byte(name)})
	check(err)
	fmt.Printf("leader: %s\n", leader.Kv.Value)
	served := make(chan error, 1)
	go func() {
		request := &v3electionpb.CampaignRequest{Name: []byte(name), Value: []byte("server at last")}
		_, err := elections.Campaign(ctx, request)
		served <- err
	}()
	waitFor(ctx, client, 2)
	check(election.Proclaim(ctx, "client again"))
	hear()
	check(election.Resign(ctx))
	check(<-served)
	hear()
}

func told(what string, err error) {
	fmt.Printf("%s: %v %q\n", what, status.Code(err), status.Convert(err).Message())
}

// Returns once so many stand in the queue.
func waitFor(ctx context.Context, client *clientv3.Client, count int64) {
	for {
		found, err := client.Get(ctx, name+"/", clientv3.WithPrefix(), clientv3.WithCountOnly())
		check(err)
		if found.Count == count {
			return
		}
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
