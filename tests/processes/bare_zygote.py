"""A zygote that preloads nothing but its roles; otherwise the real one."""

from service.zygote_command import main as zygote

if __name__ == "__main__":
    zygote.main(preloaded=())
