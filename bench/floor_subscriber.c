/*
 * floor_subscriber.c - the least that anything does to hear a channel of Redis.
 *
 *     floor_subscriber PORT CHANNEL     prints "up" once Redis has confirmed; until it is killed
 *
 * One blocking socket, 64 KiB at a time, hiredis' reader with its own objects; each reply is looked
 * at, counted and freed.
 */
#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned long messages;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int subscribe(unsigned port, const char *channel)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd == -1 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        die("cannot connect");
    if (dprintf(fd, "*2\r\n$9\r\nSUBSCRIBE\r\n$%zu\r\n%s\r\n", strlen(channel), channel) < 0)
        die("cannot send");
    return fd;
}

static void hear(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3)
        return;
    if (strcmp(reply->element[0]->str, "message") == 0)
        messages++;
    else if (strcmp(reply->element[0]->str, "subscribe") == 0)
        puts("up");
}

int main(int argc, char **argv)
{
    static char buffer[65536];
    redisReader *reader = redisReaderCreate();
    if (argc != 3 || reader == NULL)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    int fd = subscribe((unsigned)atoi(argv[1]), argv[2]);
    for (;;) {
        ssize_t got = recv(fd, buffer, sizeof buffer, 0);
        void *reply = NULL;
        if (got <= 0)
            die("Redis has closed the connection");
        if (redisReaderFeed(reader, buffer, (size_t)got) != REDIS_OK)
            die("out of memory");
        while (redisReaderGetReply(reader, &reply) == REDIS_OK && reply != NULL) {
            hear(reply);
            freeReplyObject(reply);
        }
    }
}
