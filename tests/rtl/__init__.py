"""Systolic arrays at register-transfer level, a witness that shares no code with hwsim, and what runs them.

`docs/rtl.md` describes both.
"""
