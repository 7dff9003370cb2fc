"""The families of separable data, one module each; `synthetic.families()` finds every module in
this folder.
"""
