/*
 * MPEG-1 video in an MPEG transport stream, as JSMpeg reads it: full-range
 * BT.601 colours, no B pictures, every record begins and ends on a transport
 * packet, and a keyframe's record repeats the program tables.
 */

#ifndef ENCODE_MPEG1_H
#define ENCODE_MPEG1_H

#include "render-worker/encode/encode.h"

extern const encode_codec_t encode_mpeg1;

#endif
