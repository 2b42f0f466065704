"""From a payload to its answer within three seconds, and the answers that come later."""
