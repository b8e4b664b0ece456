/*
 * The parts of a multipart body as members of a tar, while they stream. A
 * member's header stands before its bytes and says how many they are, which is
 * known only after them: the chunk with the header of the open part is held
 * back, unsealed, until that part ends. So one chunk more is in memory, however
 * large a part is, and each is sealed once. Members keep the names of files,
 * as a header of a volume may name the file of its voxels.
 */

#ifndef NGX_EXPOSURE_PARTS_H
#define NGX_EXPOSURE_PARTS_H

#include "lib/multipart.h"
#include "lib/tar.h"


typedef struct {
    expo_multipart_t    multipart;
    ngx_uint_t          members_only;  /* a part is a DICOM file in any case */
    ngx_uint_t          fields;        /* a part without filename is no file */

    const u_char       *data;          /* of the open part, to be moved */
    size_t              len;
    size_t              padding;       /* zeros after the last one */

    ngx_uint_t          number;        /* of files so far */
    u_char              name[EXPO_TAR_NAME_MAX + 1];  /* of the open one */
    ngx_uint_t          open;          /* one of them is */
    ngx_uint_t          begun;         /* its header is still to be placed */
    ngx_uint_t          unknown;       /* the first: may be the whole body */
    ngx_uint_t          bare;          /* it is */
    uint64_t            bytes;         /* of the open one */
    uint64_t            header_index;  /* chunk and place of its header */
    size_t              header_at;

    u_char             *held;          /* a chunk and its tag */
    uint64_t            held_index;
    ngx_uint_t          holding;
    ngx_uint_t          release;       /* what is held can be sealed */
} ngx_exposure_parts_t;

#endif
