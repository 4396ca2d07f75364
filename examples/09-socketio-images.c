/*
 * 09-socketio-images.c - binary: pictures go to everybody as they came, and newcomers get the last
 * one. In the console of http://localhost:3001/:
 *
 *     const { io } = await import("https://cdn.socket.io/4.8.1/socket.io.esm.min.js");
 *     const socket = io();
 *     socket.on("image", (caption, bytes) => {
 *       const picture = document.createElement("img");
 *       picture.src = URL.createObjectURL(new Blob([bytes]));
 *       document.body.append(caption, picture);
 *     });
 *     const icon = await
 * fetch("data:image/gif;base64,R0lGODlhAQABAIAAAP8AAAAAACwAAAAAAQABAAACAkQBADs=");
 *     socket.emit("image", "a red dot", await icon.arrayBuffer(), (answer) => console.log(answer));
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <belfry/belfry.h>

struct gallery { /* one worker: no lock */
    belfry_nsp *io;
    belfry_bytes last; /* ours */
};

static void keep(struct gallery *gallery, belfry_bytes image)
{
    void *copy = malloc(image.size);
    if (copy == NULL)
        return; /* the older one will do */
    memcpy(copy, image.data, image.size);
    free((void *)gallery->last.data);
    gallery->last = (belfry_bytes){ copy, image.size };
}

/* The arguments are a caption and a picture: the JSON says {"_placeholder":true,"num":0} for it. */
static void on_image(belfry_sock *sock, belfry_msg *msg, void *user)
{
    struct gallery *gallery = user;
    const char *caption;
    int number;
    if (belfry_args(msg, "s{s:i}", &caption, "num", &number) != BELFRY_OK ||
        belfry_attachment_count(msg) != 1 || belfry_attachment(msg, 0).size == 0) {
        belfry_ack(msg, "{s:s}", "error", "a caption and a picture, please");
        return;
    }
    keep(gallery, belfry_attachment(msg, 0));
    belfry_forward(belfry_everyone(gallery->io), "image", msg); /* nothing is parsed or encoded */
    belfry_ack(msg, "{s:i}", "bytes", (int)belfry_attachment(msg, 0).size);
    printf("%s: %s\n", belfry_sock_id_text(sock), caption);
}

static void on_connection(belfry_sock *sock, belfry_msg *msg, void *user)
{
    static const char json[] = "\"the last one\",{\"_placeholder\":true,\"num\":0}";
    struct gallery *gallery = user;
    (void)msg;
    if (gallery->last.size > 0)
        belfry_emit_bin(belfry_only(sock), "image", json, &gallery->last, 1);
}

int main(int argc, char **argv)
{
    struct gallery gallery = { 0 };
    belfry_options options = { .listen = argc > 1 ? argv[1] : ":3001",
                               .max_payload_bytes = 5 << 20, /* of each attachment, and the JSON */
                               .max_queue_bytes = 20 << 20 };
    belfry *server = belfry_new(&options);
    gallery.io = belfry_of(server, "/");
    belfry_on(gallery.io, "connection", on_connection, &gallery);
    belfry_on(gallery.io, "image", on_image, &gallery);
    int code = belfry_run(server);
    if (code != 0)
        fprintf(stderr, "socketio-images: %s\n", belfry_why(server));
    belfry_free(server);
    free((void *)gallery.last.data);
    return code;
}
