// The server's Lock service and the client's own recipe stand in one queue.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3lock/v3lockpb"
	"google.golang.org/grpc/status"
)

const name = "/service-lock"

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	client, err := clientv3.New(clientv3.Config{Endpoints: os.Args[1:2], DialTimeout: 5 * time.Second})
	check(err)
	defer client.Close()
	locks := v3lockpb.NewLockClient(client.ActiveConnection())

	_, err = locks.Lock(ctx, &v3lockpb.LockRequest{Name: []byte(name), Lease: 4711})
	fmt.Printf("unknown lease: %v %q\n", status.Code(err), status.Convert(err).Message())

	// The server's lock is in the way of the client's.
	own, err := locks.Lock(ctx, &v3lockpb.LockRequest{Name: []byte(name)})
	check(err)
	lease := leaseOf(ctx, client, string(own.Key))
	fmt.Printf("key of the lease: %v\n", string(own.Key) == fmt.Sprintf("%s/%x", name, lease))
	alive, err := client.TimeToLive(ctx, lease)
	check(err)
	fmt.Printf("granted for %d s\n", alive.GrantedTTL)
	again, err := locks.Lock(ctx, &v3lockpb.LockRequest{Name: []byte(name), Lease: int64(lease)})
	check(err)
	fmt.Printf("held still: %v\n", string(again.Key) == string(own.Key))
	session, err := concurrency.NewSession(client)
	check(err)
	defer session.Close()
	mutex := concurrency.NewMutex(session, name)
	locked := make(chan error, 1)
	go func() { locked <- mutex.Lock(ctx) }()
	waitFor(ctx, client, 2)
	fmt.Println("the client waits for the server")
	_, err = locks.Unlock(ctx, &v3lockpb.UnlockRequest{Key: own.Key})
	check(err)
	check(<-locked)
	fmt.Println("the client has it")

	// The client's lock is in the way of the server's. Who gives up takes its key along.
	brief, giveUp := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- lock(brief, locks) }()
	waitFor(ctx, client, 2)
	giveUp()
	fmt.Printf("given up: %v\n", status.Code(<-served))
	waitFor(ctx, client, 1)
	short, tooShort := context.WithTimeout(ctx, 300*time.Millisecond)
	defer tooShort()
	fmt.Printf("out of time: %v\n", status.Code(lock(short, locks)))
	waitFor(ctx, client, 1)
	go func() { served <- lock(ctx, locks) }()
	waitFor(ctx, client, 2)
	fmt.Println("the server waits for the client")
	check(mutex.Unlock(ctx))
	check(<-served)
	fmt.Println("the server has it")
}

func lock(ctx context.Context, locks v3lockpb.LockClient) error {
	_, err := locks.Lock(ctx, &v3lockpb.LockRequest{Name: []byte(name)})
	return err
}

func leaseOf(ctx context.Context, client *clientv3.Client, key string) clientv3.LeaseID {
	found, err := client.Get(ctx, key)
	check(err)
	return clientv3.LeaseID(found.Kvs[0].Lease)
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
