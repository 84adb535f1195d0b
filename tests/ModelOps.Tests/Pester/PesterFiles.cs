// A class, and so a collection, for each file: they are run beside each other and beside the other tests.
namespace ModelOps.Tests.Pester.Files;

public sealed class Carry : PesterTests;

public sealed class Chat : PesterTests;

public sealed class Endpoint : PesterTests;

public sealed class Engine : PesterTests;

public sealed class Export : PesterTests;

public sealed class Fit : PesterTests;

public sealed class Fleet : PesterTests;

public sealed class Hub : PesterTests;

public sealed class Mirror : PesterTests;

public sealed class Module : PesterTests;

public sealed class Pipeline : PesterTests;

public sealed class Runtime : PesterTests;

public sealed class Server : PesterTests;

public sealed class Session : PesterTests;

public sealed class Store : PesterTests;
