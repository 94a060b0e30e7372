// Two sessions want one lock: the second waits until the first has unlocked.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
)

const name = "/my-lock"

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	client, err := clientv3.New(clientv3.Config{Endpoints: os.Args[1:2], DialTimeout: 5 * time.Second})
	check(err)
	defer client.Close()
	first, second := session(client), session(client)
	defer first.Close()
	defer second.Close()
	one, two := concurrency.NewMutex(first, name), concurrency.NewMutex(second, name)

	check(one.Lock(ctx))
	fmt.Println("acquired lock for s1")
	if err := two.TryLock(ctx); err != concurrency.ErrLocked {
		log.Fatalf("s2 tried: %v", err)
	}
	locked := make(chan error)
	go func() { locked <- two.Lock(ctx) }()
	waitFor(ctx, client, 2)
	select {
	case err := <-locked:
		log.Fatalf("s2 did not wait: %v", err)
	default:
	}
	// Printed first: s2 may have the lock before Unlock returns here.
	fmt.Println("released lock for s1")
	check(one.Unlock(ctx))
	check(<-locked)
	fmt.Println("acquired lock for s2")
	check(two.Unlock(ctx))
}

func session(client *clientv3.Client) *concurrency.Session {
	session, err := concurrency.NewSession(client)
	check(err)
	return session
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
